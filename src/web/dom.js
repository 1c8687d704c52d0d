/** Typed access to the page's own elements. */

/**
 * The element with this id.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type its class
 * @returns {T}
 * @throws Error when the page has none of this class
 */
export function byId(id, type) {
  return typed(document.getElementById(id), type, `#${id}`);
}

/**
 * The first element below `root` that matches.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} type its class
 * @returns {T}
 * @throws Error when there is none of this class
 */
export function within(root, selector, type) {
  return typed(root.querySelector(selector), type, selector);
}

/**
 * A canvas to draw on.
 * @param {HTMLCanvasElement} canvas
 * @throws Error when it is in use by another API
 */
export function context2d(canvas) {
  const context = canvas.getContext('2d');
  if (!context) throw new Error('the canvas has no 2D context');
  return context;
}

/**
 * Sets text only when it differs: screen readers and layout stay quiet.
 * @param {Element} target
 * @param {string} text
 */
export function write(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * @template {Element} T
 * @param {Element | null} found
 * @param {new () => T} type
 * @param {string} selector
 * @returns {T}
 */
function typed(found, type, selector) {
  if (found instanceof type) return found;
  throw new Error(`the page has no ${type.name} ${selector}`);
}
