//! Release builds, and where cargo put what they made.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::step;

/// What a user runs: the program, and the plugins as GStreamer loads them.
pub(crate) struct Artifacts {
    pub(crate) program: PathBuf,
    pub(crate) plugins: Vec<PathBuf>,
}

/// Builds the program and every package below `plugins/`.
pub(crate) fn build() -> Result<Artifacts> {
    let packages = plugin_packages()?;
    let mut arguments = vec!["build", "--release", "--package", "rtpmidi-cli"];
    for package in &packages {
        arguments.extend(["--package", package]);
    }
    let title = format!("cargo {}", arguments.join(" "));
    arguments.push("--message-format=json-render-diagnostics");
    let output = step::timed(&title, || {
        let child = step::cargo(&arguments).stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "cargo build ended with {}", output.status);
        Ok(output)
    })?;
    find(&String::from_utf8_lossy(&output.stdout))
}

/// Every folder below `plugins/` is a package, called `gst-plugin-` and the folder's name.
fn plugin_packages() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in step::root().join("plugins").read_dir()? {
        let folder = entry?;
        if folder.path().join("Cargo.toml").exists() {
            names.push(format!("gst-plugin-{}", folder.file_name().to_string_lossy()));
        }
    }
    names.sort();
    Ok(names)
}

/// Reads cargo's messages, one JSON object per line.
fn find(messages: &str) -> Result<Artifacts> {
    let (mut program, mut plugins) = (None, Vec::new());
    for message in messages.lines() {
        let message: Value = serde_json::from_str(message).context("cargo's messages")?;
        if message["target"]["name"] == "rtpmidi"
            && let Some(path) = message["executable"].as_str()
        {
            program = Some(PathBuf::from(path));
        }
        let kinds = message["target"]["kind"].as_array();
        if kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib")) {
            let files = message["filenames"].as_array().into_iter().flatten();
            let paths = files.filter_map(Value::as_str).map(PathBuf::from);
            plugins.extend(paths.filter(|path| is_shared_object(path)));
        }
    }
    match program {
        Some(program) => Ok(Artifacts { program, plugins }),
        None => bail!("cargo built no program called rtpmidi"),
    }
}

fn is_shared_object(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "so")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_and_the_shared_objects_are_found_among_the_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"kind":["rlib","cdylib"],"name":"gstrtpmidi"},"filenames":["/t/libgstrtpmidi.rlib","/t/libgstrtpmidi.so"],"executable":null}
{"reason":"compiler-artifact","target":{"kind":["proc-macro"],"name":"derive"},"filenames":["/t/libderive.so"],"executable":null}
{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"rtpmidi"},"filenames":["/t/rtpmidi"],"executable":"/t/rtpmidi"}
{"reason":"build-finished","success":true}"#;
        let artifacts = find(messages).unwrap();
        assert_eq!(artifacts.program, Path::new("/t/rtpmidi"));
        assert_eq!(artifacts.plugins, [Path::new("/t/libgstrtpmidi.so")]);
    }
}
