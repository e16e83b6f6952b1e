const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_CHARACTERS = 10;
const RANDOM_CHARACTERS = 16;

/** A fresh ULID: 48 bits of time in milliseconds, then 80 random bits, in Crockford's base 32. */
export function ulid(now: number = Date.now()): string {
  let time = "";
  for (let rest = now, i = 0; i < TIME_CHARACTERS; i++, rest = Math.floor(rest / 32)) time = ALPHABET[rest % 32] + time;
  let random = "";
  // One byte a character: 256 is a multiple of 32, so no character is likelier than another.
  for (const byte of crypto.getRandomValues(new Uint8Array(RANDOM_CHARACTERS))) random += ALPHABET[byte % 32];
  return time + random;
}
