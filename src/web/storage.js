/**
 * What the page keeps in the browser. Within a page of another site a browser may refuse all
 * storage, with an exception: then it is kept until the page is left.
 */

/**
 * @typedef {object} Keeper
 * @property {(key: string) => string | undefined} get undefined where nothing is kept
 * @property {(key: string, value: string) => void} set an empty value forgets the key
 */

/**
 * @param {() => Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>} open throws where the browser
 *   refuses
 * @returns {Keeper}
 */
export function keeperOf(open) {
  /** @type {Map<string, string>} */
  const memory = new Map();
  return {
    get(key) {
      try {
        return open().getItem(key) || memory.get(key);
      } catch {
        return memory.get(key);
      }
    },
    set(key, value) {
      memory.delete(key);
      try {
        if (value === '') open().removeItem(key);
        else open().setItem(key, value);
      } catch {
        if (value !== '') memory.set(key, value);
      }
    },
  };
}

/** Until the tab is closed. */
export const tabKeeper = keeperOf(() => sessionStorage);
/** For good. */
export const browserKeeper = keeperOf(() => localStorage);
