//! How loud a recording is over time.

/// Decibels below full scale in each tenth of a second of a WAV file with 16-bit samples.
pub fn loudness(file: &[u8]) -> Vec<f64> {
    assert!(file.starts_with(b"RIFF") && file[8..].starts_with(b"WAVEfmt "), "no WAV file");
    let half = |at: usize| u16::from_le_bytes([file[at], file[at + 1]]);
    assert_eq!((half(20), half(34)), (1, 16), "PCM of 16 bits");
    let (channels, rate) = (usize::from(half(22)), usize::from(half(24)));
    let samples = file.windows(4).position(|four| four == b"data").unwrap() + 8;
    let samples: Vec<f64> =
        file[samples..].chunks_exact(2).map(|two| f64::from(i16::from_le_bytes([two[0], two[1]])) / 32_768.0).collect();
    let level = |tenth: &[f64]| {
        let power = tenth.iter().map(|sample| sample * sample).sum::<f64>() / tenth.len() as f64;
        (10.0 * power.log10()).max(SILENCE)
    };
    samples.chunks_exact(channels * rate / 10).map(level).collect()
}

/// How much one recording's loudness follows that of another: the correlation, from -1 to 1, where it is best with
/// up to `lag` tenths of a second before the first or the second one begins.
pub fn likeness(one: &[f64], other: &[f64], lag: usize) -> f64 {
    let lags = (0..=lag).flat_map(|lag| [(lag, 0), (0, lag)]);
    lags.filter(|&(skip, other_skip)| skip < one.len() && other_skip < other.len())
        .map(|(skip, other_skip)| correlation(&one[skip..], &other[other_skip..]))
        .fold(-1.0, f64::max)
}

/// Softer than this is silence.
pub const SILENCE: f64 = -70.0;

fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let length = one.len().min(other.len());
    let (one, other) = (&one[..length], &other[..length]);
    let mean = |levels: &[f64]| levels.iter().sum::<f64>() / length as f64;
    let (mean_one, mean_other) = (mean(one), mean(other));
    let product = |a: &[f64], mean_a: f64, b: &[f64], mean_b: f64| {
        a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f64>()
    };
    product(one, mean_one, other, mean_other)
        / (product(one, mean_one, one, mean_one) * product(other, mean_other, other, mean_other)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_like_itself_later_and_unlike_another() {
        let one = [-20.0, -30.0, -20.0, -70.0, -25.0, -20.0, -60.0, -20.0];
        let late = [&[SILENCE; 3], &one[..]].concat();
        assert!(likeness(&one, &late, 5) > 0.99);
        assert!(likeness(&one, &late, 1) < 0.9);
        let other = [-70.0, -20.0, -70.0, -20.0, -70.0, -20.0, -70.0, -20.0];
        assert!(likeness(&one, &other, 1) < 0.9);
    }
}
