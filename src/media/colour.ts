/** What samples mean. */

/** Matrix and range of samples: decoders read the tags, encoders pass them on; planes are never converted. */
export interface Colour {
  readonly matrix: 'bt601' | 'bt709';
  /** 16…235, or 0…255 as many IP cameras send. */
  readonly range: 'limited' | 'full';
}
