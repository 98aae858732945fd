// Takes RTP MIDI packets apart (RFC 6295): the notes of the MIDI list, and those that the recovery journal knows of.

/** Source and number of a packet, and what is in it: `notes` of the list, `journal` by channel; null if it is none. */
export function decode(buffer) {
  const octets = new Uint8Array(buffer);
  if (octets.length < 13 || octets[0] >> 6 !== 2) return null;
  let at = 12 + 4 * (octets[0] & 15);
  if (octets[0] & 16) at += 4 + 4 * (octets[at + 2] << 8 | octets[at + 3]);
  const header = octets[at++];
  let length = header & 15;
  if (header & 0x80) length = length << 8 | octets[at++];
  const [list, rest] = [octets.subarray(at, at + length), octets.subarray(at + length)];
  return {
    source: new DataView(buffer).getUint32(8),
    sequence: octets[2] << 8 | octets[3],
    notes: notes(list, Boolean(header & 0x20)),
    journal: header & 0x40 ? journal(rest) : new Map(),
  };
}

/** Notes of a MIDI list (3.2), each `{channel, note, velocity}` with velocity 0 for its end; `{channel}` ends all. */
function notes(list, hasFirstDelta) {
  const found = [];
  let status = 0;
  for (let at = 0, first = true; at < list.length; first = false) {
    if (!first || hasFirstDelta) while (list[at++] & 0x80);
    if (at < list.length && list[at] & 0x80) status = list[at++];
    const channel = status & 15;
    if (status >= 0xF0) {
      while (at < list.length && !(list[at] & 0x80)) at++;
      // What ends a System Exclusive, or the segment of one, belongs to it.
      if ((status === 0xF0 || status === 0xF7) && [0xF0, 0xF4, 0xF7].includes(list[at])) at++;
      continue;
    }
    const [a, b] = [list[at], list[at + 1]];
    at += status >> 4 === 0xC || status >> 4 === 0xD ? 1 : 2;
    if (at > list.length) break;
    if (status >> 4 === 8) found.push({ channel, note: a, velocity: 0 });
    if (status >> 4 === 9) found.push({ channel, note: a, velocity: b });
    // All Sound Off, All Notes Off, and the modes that imply it.
    if (status >> 4 === 0xB && (a === 120 || a >= 123)) found.push({ channel });
  }
  return found;
}

/** Chapter N of each channel journal (A.6): notes that ended, and those that sound, since the checkpoint. */
function journal(octets) {
  const found = new Map();
  let at = 3;
  if (octets[0] & 0x40) at += (octets[at] & 3) << 8 | octets[at + 1];
  for (let left = octets[0] & 0x20 ? (octets[0] & 15) + 1 : 0; left > 0 && at + 3 <= octets.length; left--) {
    const channel = octets[at] >> 3 & 15;
    const end = at + ((octets[at] & 3) << 8 | octets[at + 1]);
    const chapters = octets[at + 2];
    let inside = at + 3;
    if (chapters & 0x80) inside += 3; // P
    if (chapters & 0x40) inside += 1 + 2 * ((octets[inside] & 0x7F) + 1); // C
    if (chapters & 0x20) inside += (octets[inside] & 3) << 8 | octets[inside + 1]; // M
    if (chapters & 0x10) inside += 2; // W
    if (chapters & 0x08) found.set(channel, chapterN(octets.subarray(inside, end)));
    at = Math.max(end, at + 3);
  }
  return found;
}

function chapterN(octets) {
  const [low, high] = [octets[1] >> 4, octets[1] & 15];
  // 127 logs are 128 where there are no OFFBITS.
  let logs = octets[0] & 0x7F;
  if (logs === 127 && low === 15 && high === 0) logs = 128;
  const [ended, sounding] = [[], []];
  let at = 2;
  for (; logs > 0 && at + 2 <= octets.length; logs--, at += 2) {
    const [note, velocity] = [octets[at] & 0x7F, octets[at + 1] & 0x7F];
    if (velocity === 0) ended.push(note);
    // The Y bit: it was struck a moment ago.
    else sounding.push({ note, velocity, isFresh: Boolean(octets[at + 1] & 0x80) });
  }
  for (let octet = low; octet <= high && at < octets.length; octet++, at++) {
    for (let bit = 0; bit < 8; bit++) if (octets[at] & 0x80 >> bit) ended.push(8 * octet + bit);
  }
  return { ended, sounding };
}
