//! Which packets are shown.

use super::stream::{Arrival, Findings};

/// What narrows the selection; everything is followed nevertheless.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::Args)]
pub(super) struct Filter {
    /// Show the packets of one source only
    #[arg(long, value_name = "SSRC", value_parser = ssrc)]
    pub(super) stream: Option<u32>,

    /// Show only packets with something wrong
    #[arg(long)]
    errors: bool,

    /// Show only packets behind a loss, and those that come late or twice
    #[arg(long)]
    loss: bool,

    /// End when so many packets have been shown
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
}

impl Filter {
    /// Whether a packet of a stream is wanted.
    pub(super) fn wants(&self, findings: &Findings, ssrc: u32) -> bool {
        let is_loss = !matches!(findings.arrival, Arrival::First | Arrival::InOrder);
        self.stream.is_none_or(|wanted| wanted == ssrc)
            && (!self.errors || findings.error.is_some())
            && (!self.loss || is_loss)
    }

    /// Whether what is no packet of a stream, but speaks of these sources, is wanted.
    pub(super) fn wants_besides(&self, sources: &[u32], is_wrong: bool) -> bool {
        self.stream.is_none_or(|wanted| sources.contains(&wanted)) && (!self.errors || is_wrong) && !self.loss
    }
}

/// An SSRC as it is printed: eight digits in hexadecimal, with or without `0x`.
fn ssrc(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u32::from_str_radix(digits, 16).map_err(|_| "it is a number in hexadecimal, as 47d81096".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(arrival: Arrival, error: Option<&str>) -> Findings {
        Findings { arrival, repairs: Vec::new(), notes: Vec::new(), error: error.map(str::to_owned) }
    }

    #[test]
    fn every_condition_has_to_hold() {
        let (fine, wrong) = (findings(Arrival::InOrder, None), findings(Arrival::BehindLoss(1), Some("x")));
        assert!(Filter::default().wants(&fine, 7) && Filter::default().wants_besides(&[], false));
        let errors_of_7 = Filter { stream: Some(7), errors: true, ..Filter::default() };
        assert!(errors_of_7.wants(&wrong, 7) && !errors_of_7.wants(&wrong, 8) && !errors_of_7.wants(&fine, 7));
        let loss = Filter { loss: true, ..Filter::default() };
        assert!(loss.wants(&wrong, 7) && !loss.wants(&fine, 7) && !loss.wants_besides(&[7], true));
    }

    #[test]
    fn a_source_is_a_number_in_hexadecimal() {
        assert_eq!((ssrc("47d81096"), ssrc("0x1F")), (Ok(0x47D8_1096), Ok(0x1F)));
        assert!(ssrc("g").is_err() && ssrc("123456789").is_err());
    }
}
