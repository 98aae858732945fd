//! Where a user's files are (XDG Base Directory Specification).

use std::path::{Path, PathBuf};

/// What the user sets up.
pub(crate) fn config() -> Option<PathBuf> {
    named("XDG_CONFIG_HOME").or_else(|| at_home(".config"))
}

/// What the program remembers.
pub(crate) fn state() -> Option<PathBuf> {
    named("XDG_STATE_HOME").or_else(|| at_home(".local/state"))
}

/// What a service remembers whose manager has given it a folder for that.
pub(crate) fn state_of_service() -> Option<PathBuf> {
    // Several are separated by colons, the first of which is the service's own.
    std::env::split_paths(&std::env::var_os("STATE_DIRECTORY")?).next().and_then(absolute)
}

/// What it can get again.
pub(crate) fn cache() -> Option<PathBuf> {
    named("XDG_CACHE_HOME").or_else(|| at_home(".cache"))
}

/// What lasts as long as the user is there; none for a service of the system.
pub(crate) fn runtime() -> Option<PathBuf> {
    named("XDG_RUNTIME_DIR")
}

/// The folder that a variable names; one that is not absolute counts as none.
fn named(variable: &str) -> Option<PathBuf> {
    absolute(PathBuf::from(std::env::var_os(variable)?))
}

fn at_home(folder: &str) -> Option<PathBuf> {
    absolute(std::env::home_dir()?).map(|home| home.join(folder))
}

fn absolute(folder: PathBuf) -> Option<PathBuf> {
    Path::is_absolute(&folder).then_some(folder)
}
