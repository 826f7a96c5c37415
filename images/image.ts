/** The front door of images/: what a board boots, and how to get one. */
export { describeImage, resolveImage } from './build.ts'
export { composeImage } from './compose.ts'
export { type Image, imageSchema } from './image-schema.ts'
