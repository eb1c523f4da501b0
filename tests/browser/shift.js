// The layout shift (CLS) of putting the template's slot in the place of the first one, once the page has been painted.
() => new Promise((done) => {
  let shifted = 0;
  const count = (seen) => seen.getEntries().forEach((entry) => { if (!entry.hadRecentInput) shifted += entry.value; });
  new PerformanceObserver(count).observe({type: "layout-shift", buffered: true});
  const after = (frames, then) => (frames ? requestAnimationFrame(() => after(frames - 1, then)) : then());
  const fill = () => {
    document.querySelector(".spn, .bare").outerHTML = document.querySelector("template").innerHTML;
    after(30, () => done(shifted));
  };
  new PerformanceObserver(() => after(3, fill)).observe({type: "paint", buffered: true});
})
