/**
 * The rollover counter of SRTP (RFC 3711 section 3.3.1). werift's, read at 0.25.2, sees a wrap only
 * when packets within 100 of it arrive on both sides: a burst of loss across it, or a packet that
 * comes late, and nothing can be decrypted any more until the publisher connects anew. Pure.
 */

/**
 * What is known of one sender. werift keeps one for each SSRC and discards the change when a packet
 * proves false.
 */
export interface RolloverState {
  rolloverCounter: number;
  lastSequenceNumber: number;
  /** False or absent before the first packet. */
  rolloverHasProcessed?: boolean;
}

const HALF = 0x8000;

/**
 * Moves `state` to the packet with `sequence`: the nearest one with this number, half the numbers
 * away at most.
 */
export function followRollover(sequence: number, state: RolloverState): void {
  if (state.rolloverHasProcessed) {
    const step = sequence - state.lastSequenceNumber;
    if (step < -HALF) state.rolloverCounter += 1;
    else if (step > HALF && state.rolloverCounter > 0) state.rolloverCounter -= 1;
  }
  state.rolloverHasProcessed = true;
  state.lastSequenceNumber = sequence;
}
