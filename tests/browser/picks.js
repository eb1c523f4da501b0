// For each width from firstPx to lastPx: which line the slot shows, and which is the longest that fits.
// Widths of lines are taken from a copy of each line in the page itself, so that font and spacing are the page's.
([firstPx, lastPx, stepPx]) => {
  const ROUNDING_PX = 0.02; // layout counts in 1/64 px
  const room = document.getElementById("room"), slot = room.querySelector(".spn");
  const box = slot.querySelector(".spn-q"), link = slot.querySelector(".spn-a");
  const lines = [...slot.querySelectorAll(".spn-v")].reverse();
  const natural = lines.map((line) => {
    const copy = document.createElement("span");
    copy.className = "copy";
    copy.innerHTML = line.innerHTML;
    link.append(copy);
    const width = copy.getBoundingClientRect().width;
    copy.remove();
    return width;
  });
  const found = {widths: 0, wrong: [], clipped: [], manyLines: [], heights: []};
  for (let px = firstPx; px <= lastPx; px += stepPx) {
    room.style.inlineSize = px + "px";
    const space = box.getBoundingClientRect(), edge = slot.getBoundingClientRect();
    const best = Math.max(0, natural.findLastIndex((width) => width <= space.width));
    const visible = lines.filter((line) => line.checkVisibility());
    const shown = lines.indexOf(visible[0]), seen = visible[0].getBoundingClientRect();
    found.widths += 1;
    if (visible.length !== 1 || room.innerText.trim() !== lines[shown].innerText) found.manyLines.push(px);
    const cut = seen.left < edge.left - ROUNDING_PX || seen.right > edge.right + ROUNDING_PX;
    if (cut && natural[0] <= space.width) found.clipped.push(px); // where not even the brand fits, it is cut off
    if (shown !== best) found.wrong.push([px, shown, best]);
    if (!found.heights.includes(edge.height)) found.heights.push(edge.height);
  }
  return found;
}
