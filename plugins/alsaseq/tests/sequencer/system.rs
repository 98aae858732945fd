//! Systems that have no sequencer, or do not let everybody at it.

use std::path::Path;

use gst::prelude::*;

/// What an element says when it cannot start: the error and what to do.
fn refusal(line: &str) -> String {
    gst::init().unwrap();
    gstalsaseq::plugin_register_static().unwrap();
    let pipeline = gst::parse::launch(line).unwrap().downcast::<gst::Pipeline>().unwrap();
    assert!(pipeline.set_state(gst::State::Playing).is_err());
    let message = pipeline.bus().unwrap().pop_filtered(&[gst::MessageType::Error]).expect("it says why");
    pipeline.set_state(gst::State::Null).unwrap();
    let gst::MessageView::Error(error) = message.view() else { panic!("{message:?}") };
    format!("{} / {}", error.error().message(), error.debug().unwrap_or_default())
}

const LINES: [&str; 2] = ["alsaseqsrc ! fakesink", "fakesrc ! alsaseqsink"];

#[test]
fn without_a_sequencer_both_say_so_and_what_to_do() {
    if Path::new("/dev/snd/seq").exists() {
        eprintln!("skipped: this machine has a sequencer");
        return;
    }
    for line in LINES {
        let words = refusal(line);
        assert!(words.contains("there is no ALSA sequencer: /dev/snd/seq is missing"), "{words}");
        assert!(words.contains("modprobe snd-seq"), "{words}");
    }
    let factory = gst::DeviceProviderFactory::find("alsaseqdeviceprovider").expect("it is registered");
    assert_eq!(factory.get().unwrap().devices().iter().count(), 0);
}

/// In a process of its own, which is to be another user: `RTPMIDI_AS_NOBODY` says that it is.
#[test]
#[ignore = "needs an ALSA sequencer"]
fn without_permission_both_say_so_and_what_to_do() {
    if std::env::var_os("RTPMIDI_VM").is_none() {
        eprintln!("skipped: it changes who may use the sequencer");
        return;
    }
    if std::env::var_os("RTPMIDI_AS_NOBODY").is_none() {
        use std::os::unix::fs::PermissionsExt;
        use std::os::unix::process::CommandExt;
        let permissions = |mode| {
            std::fs::set_permissions("/dev/snd/seq", std::fs::Permissions::from_mode(mode)).unwrap();
        };
        permissions(0o600);
        let own = concat!(module_path!(), "::without_permission_both_say_so_and_what_to_do");
        let (_, name) = own.split_once("::").unwrap();
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--ignored"])
            .env("RTPMIDI_AS_NOBODY", "1")
            .env("HOME", "/nonexistent")
            .uid(65534)
            .output()
            .unwrap();
        permissions(0o666);
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
        return;
    }
    for line in LINES {
        let words = refusal(line);
        assert!(words.contains("closed to this user: no permission for /dev/snd/seq"), "{words}");
        assert!(words.contains("group audio"), "{words}");
    }
}
