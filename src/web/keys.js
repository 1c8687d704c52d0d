/** The keys of the page. */

/**
 * @typedef {'full-screen' | 'pause' | 'sound' | 'picture-in-picture' | 'view' | 'left' | 'right' | 'up' | 'down' |
 *   'help'} Action
 */

/** What each key does. @type {Readonly<Record<string, Action>>} */
const ACTIONS = {
  f: 'full-screen',
  ' ': 'pause',
  m: 'sound',
  p: 'picture-in-picture',
  v: 'view',
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  '?': 'help',
};
const ARROWS = ['left', 'right', 'up', 'down'];

/**
 * The element that has the focus, as far as keys concern it: one to type in takes all of them, one
 * that is switched takes the space bar, one that is moved takes the arrows.
 * @typedef {'text' | 'switch' | 'slider' | 'radio' | 'row' | 'none'} Focus
 */

/** Where the keys of each kind of focus go. @type {Readonly<Record<Focus, readonly Action[] | 'all'>>} */
const TAKEN = {
  text: 'all',
  switch: ['pause'],
  slider: ['left', 'right', 'up', 'down'],
  radio: ['pause', 'left', 'right', 'up', 'down'],
  row: ['up', 'down'],
  none: [],
};

/**
 * What a key asks of the page; undefined when it is none of its keys, or the focused element's own.
 * Pure.
 * @param {Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'repeat'>} event
 * @param {Focus} focus
 * @returns {Action | undefined}
 */
export function actionOf({ key, ctrlKey, metaKey, altKey, repeat }, focus) {
  if (ctrlKey || metaKey || altKey) return undefined;
  const action = ACTIONS[key.length === 1 ? key.toLowerCase() : key];
  if (action === undefined || (repeat && !ARROWS.includes(action))) return undefined;
  const taken = TAKEN[focus];
  return taken === 'all' || taken.includes(action) ? undefined : action;
}

/**
 * @param {Element | null} element
 * @returns {Focus}
 */
export function focusOf(element) {
  if (!element || element === document.body) return 'none';
  if (element.matches('[type="range"]')) return 'slider';
  if (element.matches('[type="radio"]')) return 'radio';
  if (element.matches('button, summary, [type="checkbox"]')) return 'switch';
  if (element.matches('input, select, textarea, [contenteditable]')) return 'text';
  return element.matches('nav a') ? 'row' : 'none';
}

/**
 * Hears the page's keys. While a dialog is open they are the dialog's.
 * @param {Partial<Record<Action, () => boolean | void>>} actions one that returns false leaves the
 *   key to the browser
 * @param {() => boolean} [enabled] whether they are wanted at all
 */
export function listenToKeys(actions, enabled = () => true) {
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
    const action = actionOf(event, focusOf(document.activeElement));
    if (action === undefined || !enabled()) return;
    const act = actions[action];
    if (act && act() !== false) event.preventDefault();
  });
}
