//! Sound: whether the ALSA sequencer is there and may be used.

use super::finding::Finding;
use crate::failure::Failure;

const CHECK: &str = "sound";

/// Looks at the sequencer.
pub(super) fn check() -> Vec<Finding> {
    vec![judge(&crate::alsa::check())]
}

fn judge(sequencer: &Result<(), Failure>) -> Finding {
    match sequencer {
        Ok(()) => Finding::ok(CHECK, "the ALSA sequencer can be used"),
        Err(failure) => {
            let mend = failure.advice().unwrap_or("aconnect -l   (shows whether other programs can use it)");
            Finding::warning(CHECK, failure.message(), mend)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_sequencer_has_its_command() {
        assert!(judge(&Ok(())).to_string().starts_with("ok "));
        let missing = Failure::new("there is no ALSA sequencer").hint("modprobe snd-seq");
        assert!(judge(&Err(missing)).to_string().ends_with("\n                     modprobe snd-seq"));
        assert!(judge(&Err(Failure::new("it is odd"))).to_string().contains("aconnect -l"));
    }
}
