//! The subcommands, one folder or file each.

pub(crate) mod bridge;
pub(crate) mod broadcast;
pub(crate) mod devices;
pub(crate) mod doctor;
pub(crate) mod listen;
pub(crate) mod monitor;
pub(crate) mod pages;
pub(crate) mod patch;
pub(crate) mod relay;
pub(crate) mod sdp;
pub(crate) mod session;
