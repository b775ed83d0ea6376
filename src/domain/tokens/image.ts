import { invalidField } from "../errors.ts";
import { imageSize, type Size } from "./image-size.ts";

const BASE_TOKENS = 85;
const TILE_TOKENS = 170;
const TILE_PIXELS = 512;
const LONG_SIDE_PIXELS_MAX = 2048;
const SHORT_SIDE_PIXELS_MAX = 768;
/** The size with the most tokens. It is used if the size is unknown, so that an estimate is never too low. */
const LARGEST: Size = { width: LONG_SIDE_PIXELS_MAX, height: LONG_SIDE_PIXELS_MAX * 3 };

/**
 * The tokens of an image part in OpenAI's chat JSON: 85 and, unless its detail is "low", 170 for each tile of 512 x 512
 * pixels after the image is scaled down to fit 2048 x 2048 and then to a short side of 768. The size is the one that
 * the part declares (`width` and `height` beside `url`) or, for a data: URL, the one in the image's header. Nothing is
 * downloaded. Source: the rule that OpenAI publishes for gpt-4o.
 */
export function imageTokens(part: Record<string, unknown>, path: string): number {
  const image = part["image_url"];
  const fields = typeof image === "object" && image !== null ? (image as Record<string, unknown>) : part;
  const url = typeof image === "string" ? image : (fields["url"] ?? fields["file_id"]);
  if (typeof url !== "string") throw invalidField(`${path}.image_url`, "must be an object with a url");
  if (fields["detail"] === "low") return BASE_TOKENS;
  const size = declaredSize(fields, `${path}.image_url`) ?? imageSize(url) ?? LARGEST;
  return BASE_TOKENS + TILE_TOKENS * tiles(size);
}

function declaredSize(fields: Record<string, unknown>, path: string): Size | undefined {
  const { width, height } = fields;
  if (width === undefined && height === undefined) return undefined;
  if (isPixels(width) && isPixels(height)) return { width, height };
  throw invalidField(
    isPixels(width) ? `${path}.height` : `${path}.width`,
    "must be an integer from 1 to 2^31-1",
  );
}

const isPixels = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) < 2 ** 31;

function tiles({ width, height }: Size): number {
  const long = Math.max(width, height);
  const short = Math.min(width, height);
  // The scale is the smaller of the two ratios of a limit to its side, and at most 1.
  const isLongLimited = LONG_SIDE_PIXELS_MAX * short < SHORT_SIDE_PIXELS_MAX * long;
  const [limit, side] = isLongLimited ? [LONG_SIDE_PIXELS_MAX, long] : [SHORT_SIDE_PIXELS_MAX, short];
  const [to, from] = side > limit ? [limit, side] : [1, 1];
  // Both products are below 2^53, so the quotient of a side that fills its tiles is an exact integer.
  const tilesAlong = (pixels: number): number => Math.ceil((pixels * to) / (from * TILE_PIXELS));
  return tilesAlong(width) * tilesAlong(height);
}
