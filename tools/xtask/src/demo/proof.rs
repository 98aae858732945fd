//! That the recording is music: reads the WAV and the MIDI file again.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use midly::{MidiMessage, Smf, TrackEventKind};

use super::report::{Summary, count};

/// What a WAV file sounds like.
#[derive(Debug, PartialEq)]
pub(super) struct Music {
    pub(super) seconds: f64,
    rate: u32,
    channels: u16,
    /// Loudness of each half second, in decibels below full scale.
    loudness: Vec<f64>,
}

/// What a MIDI file holds.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Recording {
    notes: usize,
    events: usize,
    unended: usize,
}

impl Music {
    /// Music fills most of the score's time, and its loudness moves.
    pub(super) fn check(&self, summary: &Summary) -> Result<()> {
        if let Some(score) = summary.sent["duration_s"].as_f64() {
            ensure!(self.seconds > 0.8 * score, "demo.wav lasts {:.1} s of {score:.1} s", self.seconds);
        }
        ensure!(count(&summary.received, "hanging_notes").unwrap_or(0) == 0, "notes were left sounding");
        let sounding = self.loudness.iter().filter(|&&level| level > SILENCE).count();
        ensure!(
            sounding * 10 > self.loudness.len() * 8,
            "demo.wav is silent for {} of {} half seconds",
            self.loudness.len() - sounding,
            self.loudness.len()
        );
        let loudest = self.loudness.iter().copied().fold(f64::MIN, f64::max);
        let changes = self.loudness.windows(2).filter(|pair| (pair[0] - pair[1]).abs() > 0.3).count();
        ensure!(loudest > -40.0, "demo.wav is too soft: {loudest:.0} dB at its loudest");
        ensure!(changes * 4 > self.loudness.len(), "demo.wav is one unchanging sound");
        Ok(())
    }
}

impl Recording {
    /// Most of the score's notes arrived, and all that began have ended.
    pub(super) fn check(&self, score: &Self) -> Result<()> {
        ensure!(self.unended == 0, "{} notes of demo.mid never end", self.unended);
        ensure!(self.notes * 2 > score.notes, "demo.mid has only {} of the score's {} notes", self.notes, score.notes);
        Ok(())
    }
}

impl fmt::Display for Music {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:.1} s, 16-bit PCM, {} Hz, {} channels", self.seconds, self.rate, self.channels)
    }
}

impl fmt::Display for Recording {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "what arrived: {} notes, {} commands", self.notes, self.events)
    }
}

/// Reads a RIFF WAVE file of 16-bit PCM.
pub(super) fn read_wav(file: &Path) -> Result<Music> {
    let octets = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    music(&octets).with_context(|| format!("{}", file.display()))
}

fn music(octets: &[u8]) -> Result<Music> {
    let chunks = octets.strip_prefix(b"RIFF").and_then(|rest| rest.get(4..)).context("no RIFF file")?;
    let mut chunks = chunks.strip_prefix(b"WAVE").context("no WAVE file")?;
    let mut format = None;
    while let Some((head, rest)) = chunks.split_at_checked(8) {
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let body = &rest[..size.min(rest.len())];
        match &head[..4] {
            b"fmt " => format = Some(Format::decode(body)?),
            b"data" => return Ok(format.context("samples before their format")?.listen(body)),
            _ => {}
        }
        chunks = rest.get(size + size % 2..).unwrap_or_default();
    }
    Err(anyhow::anyhow!("no samples"))
}

struct Format {
    channels: u16,
    rate: u32,
}

impl Format {
    fn decode(body: &[u8]) -> Result<Self> {
        let field = |at: usize| body.get(at..at + 2).map_or(0, |two| u16::from_le_bytes([two[0], two[1]]));
        let (coding, channels, bits) = (field(0), field(2), field(14));
        let rate = u32::from(field(4)) | u32::from(field(6)) << 16;
        ensure!(coding == 1 && bits == 16, "coding {coding} with {bits} bits is no 16-bit PCM");
        ensure!(channels > 0 && rate > 0, "{channels} channels at {rate} Hz");
        Ok(Self { channels, rate })
    }

    fn listen(&self, data: &[u8]) -> Music {
        let second = self.rate as usize * usize::from(self.channels);
        let samples: Vec<f64> =
            data.chunks_exact(2).map(|two| f64::from(i16::from_le_bytes([two[0], two[1]])) / 32768.0).collect();
        let level = |half: &[f64]| {
            let power = half.iter().map(|sample| sample * sample).sum::<f64>() / f64::from(half.len() as u32);
            10.0 * power.max(1e-12).log10()
        };
        Music {
            seconds: f64::from(samples.len() as u32) / f64::from(second as u32),
            rate: self.rate,
            channels: self.channels,
            loudness: samples.chunks_exact((second / 2).max(1)).map(level).collect(),
        }
    }
}

/// Reads a Standard MIDI File.
pub(super) fn read_midi(file: &Path) -> Result<Recording> {
    let octets = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let smf = Smf::parse(&octets).with_context(|| format!("{} is no MIDI file", file.display()))?;
    let mut recording = Recording::default();
    for track in &smf.tracks {
        let mut sounding = HashSet::new();
        for event in track {
            let TrackEventKind::Midi { channel, message } = event.kind else {
                continue;
            };
            recording.events += 1;
            match message {
                MidiMessage::NoteOn { key, vel } if vel > 0 => {
                    recording.notes += 1;
                    sounding.insert((channel, key));
                }
                MidiMessage::NoteOn { key, .. } | MidiMessage::NoteOff { key, .. } => {
                    sounding.remove(&(channel, key));
                }
                _ => {}
            }
        }
        recording.unended += sounding.len();
    }
    Ok(recording)
}

/// Softer than this is silence.
const SILENCE: f64 = -60.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(bits: u16, samples: &[i16]) -> Vec<u8> {
        let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let mut octets = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0\x01\0".to_vec();
        octets.extend(8u32.to_le_bytes());
        octets.extend(16u32.to_le_bytes());
        octets.extend([2, 0]);
        octets.extend(bits.to_le_bytes());
        octets.extend(b"data");
        octets.extend((data.len() as u32).to_le_bytes());
        octets.extend(data);
        octets
    }

    fn check(samples: &[i16]) -> Result<()> {
        music(&wav(16, samples))?.check(&Summary::default())
    }

    #[test]
    fn loudness_is_measured_in_half_seconds_behind_unknown_chunks() {
        let heard = music(&wav(16, &[16384, -16384, 16384, -16384, 0, 0, 0, 0])).unwrap();
        assert_eq!((heard.seconds, heard.rate, heard.channels), (1.0, 8, 1));
        assert_eq!(heard.loudness.iter().map(|level| level.round()).collect::<Vec<_>>(), [-6.0, -120.0]);
    }

    #[test]
    fn neither_silence_nor_a_hum_is_music() {
        let hum = [9000, -9000].repeat(40);
        let music: Vec<i16> = (0..80).map(|at| if at / 4 % 2 == 0 { 9000 } else { 3000 }).collect();
        assert!(check(&[0; 80]).unwrap_err().to_string().contains("silent"));
        assert!(check(&hum).unwrap_err().to_string().contains("unchanging"));
        check(&music).unwrap();
    }

    #[test]
    fn samples_of_another_size_are_refused() {
        let error = music(&wav(24, &[0; 8])).unwrap_err();
        assert_eq!(error.to_string(), "coding 1 with 24 bits is no 16-bit PCM");
    }
}
