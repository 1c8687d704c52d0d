/** Reading user names and passwords of URLs. Pure. */

/** Percent-decoding that leaves stray percent signs alone: passwords often hold them unescaped. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
