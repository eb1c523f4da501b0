// The width slider of the demo page; without scripts, dragging the window does the same.
(() => {
  const page = document.getElementById("page");
  const slider = document.getElementById("width");
  const shown = document.getElementById("width-shown");
  const show = () => { shown.textContent = `${Math.round(page.getBoundingClientRect().width)} px`; };
  slider.closest("p").hidden = false;
  slider.value = window.innerWidth;
  slider.addEventListener("input", () => { page.style.inlineSize = `${slider.value}px`; show(); });
  window.addEventListener("resize", () => { page.style.inlineSize = ""; slider.value = window.innerWidth; show(); });
  show();
})();
