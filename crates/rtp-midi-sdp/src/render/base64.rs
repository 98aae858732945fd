//! Base64 in quotes, as `inline` and `smf_inline` have it (RFC 6295, appendix D).

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, Engine};

/// Accepts what some encoders leave out or leave over: padding, and bits in the last character.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The octets that `text` stands for, blanks left out.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let characters: Vec<u8> = text.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
    LENIENT.decode(characters).ok()
}

/// The text of these octets, with padding and without line breaks.
pub(super) fn encode(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_blanks_do_not_matter_and_other_characters_do() {
        for text in ["TVRo/w==", "TVRo/w", "TV Ro\t/w=", "TVRo/x=="] {
            assert_eq!(decode(text), Some(b"MTh\xFF".to_vec()), "{text}");
        }
        for text in ["TVRo_w==", "TVRo.w==", "TVRoT", "=", "TVRo/w=A"] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(encode(b"MTh\xFF"), "TVRo/w==");
    }
}
