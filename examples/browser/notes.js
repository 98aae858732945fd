// The notes that sound, channel by channel: the MIDI lists move them, and behind a gap the journal sets them right.

import { decode } from "./rtp-midi.js";

export class Notes {
  /** `strike` and `release` are told of each note that begins and ends, as channel and number. */
  constructor(strike, release) {
    Object.assign(this, { strike, release, source: null, next: 0 });
    this.sounding = Array.from({ length: 16 }, () => new Set());
  }

  take(buffer) {
    const packet = decode(buffer);
    if (!packet) return;
    // Another source begins anew, and what the one before it left sounding is nobody's.
    if (packet.source !== this.source) {
      this.silenceAll();
      Object.assign(this, { source: packet.source, next: packet.sequence - 1 });
    }
    const ahead = (packet.sequence - this.next + 0x10000) % 0x10000;
    if (ahead >= 0x8000) return; // A packet that was overtaken: its successor has told what it says.
    if (ahead > 0) this.repair(packet.journal);
    this.next = (packet.sequence + 1) % 0x10000;
    for (const { channel, note, velocity } of packet.notes) {
      if (note === undefined) this.silence(channel);
      else if (velocity > 0) this.on(channel, note);
      else this.off(channel, note);
    }
  }

  /** Ends what has ended unheard; begins what was struck a moment ago. A note that has been sounding for long is late. */
  repair(journal) {
    for (const [channel, { ended, sounding }] of journal) {
      for (const note of ended) this.off(channel, note);
      for (const { note, isFresh } of sounding) {
        if (isFresh && !this.sounding[channel].has(note)) this.on(channel, note);
      }
    }
  }

  on(channel, note) {
    this.off(channel, note);
    this.sounding[channel].add(note);
    this.strike(channel, note);
  }

  off(channel, note) {
    if (this.sounding[channel].delete(note)) this.release(channel, note);
  }

  silence(channel) {
    for (const note of [...this.sounding[channel]]) this.off(channel, note);
  }

  silenceAll() {
    for (let channel = 0; channel < 16; channel++) this.silence(channel);
  }
}
