//! Where the ports of the bay are: each transport makes ports, tells what comes from them, and plays what goes to them.

#[cfg(feature = "alsa")]
pub(super) mod alsa;
#[cfg(not(feature = "alsa"))]
#[path = "no_alsa.rs"]
pub(super) mod alsa;
pub(super) mod applemidi;
mod guest;
pub(super) mod ipmidi;
#[cfg(feature = "jack")]
pub(super) mod jack;
#[cfg(not(feature = "jack"))]
#[path = "no_jack.rs"]
pub(super) mod jack;
pub(super) mod rawmidi;
pub(super) mod rtp;
pub(super) mod tape;
