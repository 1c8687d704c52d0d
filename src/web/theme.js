// Dark or light: as the system says until a person chooses. Runs before the first paint.
(() => {
  const KEY = 'framelift.theme';
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: light)');
  /** A browser may refuse storage within a page of another site. @type {string | null} */
  let chosen = null;
  try {
    chosen = localStorage.getItem(KEY);
  } catch {}
  const apply = () => {
    const theme = chosen ?? (system.matches ? 'light' : 'dark');
    root.dataset.theme = theme;
    const button = document.getElementById('theme');
    button?.setAttribute('aria-label', `Switch to ${theme === 'light' ? 'dark' : 'light'} theme`);
  };
  apply();
  system.addEventListener('change', apply);
  addEventListener('DOMContentLoaded', () => {
    apply();
    document.getElementById('theme')?.addEventListener('click', () => {
      chosen = root.dataset.theme === 'light' ? 'dark' : 'light';
      try {
        localStorage.setItem(KEY, chosen);
      } catch {}
      apply();
    });
  });
})();
