//! Standard MIDI Files as events on an absolute timeline.
