//! Times on the command line and in reports: `83.5`, `1:23.5`, `1:02:03`.

use std::time::Duration;

/// Reads seconds, `minutes:seconds` or `hours:minutes:seconds`; the seconds may have a fraction.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is not a time such as 83.5 or 1:23.5");
    let mut parts = text.trim().rsplit(':');
    let seconds = parts.next().unwrap_or_default();
    let well_formed =
        seconds.starts_with(|c: char| c.is_ascii_digit()) && seconds.chars().all(|c| c.is_ascii_digit() || c == '.');
    let mut total = Duration::ZERO;
    if well_formed {
        let seconds: f64 = seconds.parse().map_err(|_| wrong())?;
        total = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    }
    let larger: Vec<&str> = parts.collect();
    if !well_formed || larger.len() > 2 || (!larger.is_empty() && total >= MINUTE) {
        return Err(wrong());
    }
    for (part, unit) in larger.iter().zip([MINUTE, 60 * MINUTE]) {
        let count: u16 = part.parse().map_err(|_| wrong())?;
        total += unit * u32::from(count);
    }
    Ok(total)
}

/// Reads how often something is done: from 20 times a second to once a minute.
pub(crate) fn interval(text: &str) -> Result<Duration, String> {
    let interval = parse(text)?;
    let sensible = Duration::from_millis(50)..=MINUTE;
    if sensible.contains(&interval) { Ok(interval) } else { Err("it is a time from 0.05 to 60 seconds".to_owned()) }
}

/// Minutes and seconds: `1:23`.
pub(crate) fn minutes(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    format!("{}:{:02}", whole / 60, whole % 60)
}

const MINUTE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_minutes_and_hours_are_understood() {
        for (text, milliseconds) in
            [("0", 0), ("83.5", 83_500), ("1:23.5", 83_500), ("1:02:03", 3_723_000), ("90:00", 5_400_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "soon", "-1", "1:75", "1:2:3:4", "1e9", "inf", ".", ":3", "1.5:00", "+5"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_interval_is_neither_a_flood_nor_an_hour() {
        assert_eq!(interval("0.25"), Ok(Duration::from_millis(250)));
        for text in ["0", "0.01", "61", "often"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reports_show_minutes() {
        assert_eq!(minutes(83.9), "1:23");
        assert_eq!(minutes(f64::NAN), "0:00");
    }
}
