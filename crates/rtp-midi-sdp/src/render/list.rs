//! The renderers of a stream and how many of them play it: `multimode` (RFC 6295, C.6.1).

use super::{Renderer, Source};

/// The renderers of a stream, best first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Renderers {
    /// Whether one of them plays, or all.
    pub multimode: Multimode,
    /// The renderers. A native stream has one or more. An mpeg4-generic stream has none if its `config` is empty and
    /// nothing else is said: then another stream of its relationship describes the renderer (C.5).
    pub list: Vec<Renderer>,
}

/// How many renderers play a stream.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Multimode {
    /// Exactly one.
    #[default]
    One,
    /// All that can, together.
    All,
}

impl Renderers {
    /// Puts the octets of an object that has been fetched wherever this source is named.
    pub fn put(&mut self, source: &Source, octets: &[u8]) {
        for data in self.list.iter_mut().flat_map(|renderer| &mut renderer.data) {
            if data.source == *source {
                data.source = source.found(octets.to_vec());
            }
        }
    }
}

impl From<Renderer> for Renderers {
    fn from(renderer: Renderer) -> Self {
        Self { multimode: Multimode::One, list: vec![renderer] }
    }
}
