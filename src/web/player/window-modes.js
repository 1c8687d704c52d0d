/** A video on the whole screen, and in a window of its own. */

/**
 * @param {Element} element
 */
export function toggleFullScreen(element) {
  if (document.fullscreenElement) void document.exitFullscreen();
  // Refused where a page of another site does not allow it: then nothing happens.
  else if (document.fullscreenEnabled) void element.requestFullscreen().catch(() => {});
}

/**
 * Resolves with what to tell the viewer; empty where it can be seen.
 * @param {HTMLVideoElement} video
 */
export async function enterPictureInPicture(video) {
  if (!document.pictureInPictureEnabled) return 'This browser has no picture-in-picture here';
  if (video.videoWidth === 0) return 'There is no picture yet';
  try {
    await video.requestPictureInPicture();
    return '';
  } catch {
    return 'The browser refused picture-in-picture';
  }
}
