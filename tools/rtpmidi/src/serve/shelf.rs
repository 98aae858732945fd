//! The files that the server has: they come and go while it runs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use gst_rtsp_server::RTSPMountPoints;
use gst_rtsp_server::prelude::*;

use super::Taps;
use super::access::Access;
use super::door::Door;
use super::files::{File, free_name};
use super::form::Form;
use super::prompts;
use crate::cmd::broadcast::piece::Reading;

/// Puts files where clients find them.
pub(super) struct Shelf {
    pub(super) mounts: RTSPMountPoints,
    pub(super) door: Door,
    pub(super) access: Access,
    pub(super) reading: Reading,
    pub(super) streams: Taps,
    /// The name of each file in its URL.
    pub(super) names: HashMap<PathBuf, String>,
}

impl Shelf {
    /// Puts a file there, in the place of one that has its path; returns the path of its URL.
    pub(super) fn put(&mut self, file: &File) -> String {
        self.take(&file.piece.path);
        let name = free_name(&file.piece.path, |name| self.names.values().all(|other| other != name));
        for form in Form::ALL {
            let factory = file.factory(self.reading, form, &self.access);
            factory.guard(&self.door);
            self.access.restrict(&factory);
            prompts::of_file(&factory, &file.piece);
            let streams = self.streams.clone();
            factory.connect_media_configure(move |_, media| streams.watch(media));
            self.mounts.add_factory(&path(form, &name), factory);
        }
        let url = path(Form::GeneralMidi, &name);
        self.names.insert(file.piece.path.clone(), name);
        url
    }

    /// Takes those files away that are not `wanted`. Who listens to one hears it to its end.
    pub(super) fn keep(&mut self, wanted: impl Fn(&Path) -> bool) {
        for file in self.names.keys().filter(|file| !wanted(file)).cloned().collect::<Vec<_>>() {
            self.take(&file);
        }
    }

    fn take(&mut self, file: &Path) {
        if let Some(name) = self.names.remove(file) {
            for form in Form::ALL {
                self.mounts.remove_factory(&path(form, &name));
            }
        }
    }
}

fn path(form: Form, name: &str) -> String {
    format!("{}/files/{name}", form.prefix())
}
