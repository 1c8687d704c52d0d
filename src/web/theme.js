// Dark or light: as the system says until a person chooses. Runs before the first paint.
(() => {
  const KEY = 'framelift.theme';
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: light)');
  const apply = () => {
    const theme = localStorage.getItem(KEY) ?? (system.matches ? 'light' : 'dark');
    root.dataset.theme = theme;
    const button = document.getElementById('theme');
    button?.setAttribute('aria-label', `Switch to ${theme === 'light' ? 'dark' : 'light'} theme`);
  };
  apply();
  system.addEventListener('change', apply);
  addEventListener('DOMContentLoaded', () => {
    apply();
    document.getElementById('theme')?.addEventListener('click', () => {
      localStorage.setItem(KEY, root.dataset.theme === 'light' ? 'dark' : 'light');
      apply();
    });
  });
})();
