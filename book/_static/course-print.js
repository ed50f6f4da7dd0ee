// Paper is white: print in the light theme, whatever the screen shows. Figures follow the theme by themselves.
(() => {
  "use strict";

  const page = document.documentElement;
  let onScreen = null;

  matchMedia("print").addEventListener("change", ({ matches }) => {
    if (matches) {
      onScreen = page.dataset.theme;
      page.dataset.theme = "light";
    } else if (onScreen) {
      page.dataset.theme = onScreen;
    }
  });
})();
