//! What tells a device from another one of the same name: its serial number, and the socket that it is plugged into.

use std::fs;
use std::path::Path;

/// Names of the USB device behind a sound card: by its serial number if it has one, and by its socket. Others have none.
///
/// Names of rules are cut at colons, so there is none in them.
pub(super) fn names(card: i32) -> Vec<String> {
    names_below(Path::new("/sys/class/sound"), card)
}

fn names_below(cards: &Path, card: i32) -> Vec<String> {
    let Ok(device) = fs::canonicalize(cards.join(format!("card{card}/device"))) else { return Vec::new() };
    let read = |folder: &Path, name: &str| {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        Some(text.trim().replace(':', " ")).filter(|text| !text.is_empty())
    };
    // The card belongs to an interface of the device, which is a folder of it.
    let found = device.ancestors().find_map(|folder| Some((folder, read(folder, "idVendor")?)));
    let Some((folder, vendor)) = found else { return Vec::new() };
    let Some(product) = read(folder, "idProduct") else { return Vec::new() };
    let serial = read(folder, "serial").map(|serial| format!("usb {vendor}-{product} serial {serial}"));
    let socket = folder.file_name().map(|socket| format!("usb {vendor}-{product} socket {}", socket.to_string_lossy()));
    serial.into_iter().chain(socket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_usb_device_is_known_by_serial_number_and_socket() {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("devices/usb3/3-1.4");
        for interface in ["3-1.4:1.0/sound/card2", "3-1.4:1.0/sound/card3"] {
            fs::create_dir_all(device.join(interface)).unwrap();
        }
        fs::create_dir_all(folder.path().join("devices/pci/sound/card0")).unwrap();
        for (name, text) in [("idVendor", "1235\n"), ("idProduct", "0051\n"), ("serial", "AB:01\n")] {
            fs::write(device.join(name), text).unwrap();
        }
        let class = folder.path().join("class");
        for (card, target) in [("card2", "devices/usb3/3-1.4/3-1.4:1.0"), ("card0", "devices/pci")] {
            fs::create_dir_all(class.join(card)).unwrap();
            symlink(folder.path().join(target), class.join(card).join("device")).unwrap();
        }
        assert_eq!(names_below(&class, 2), ["usb 1235-0051 serial AB 01", "usb 1235-0051 socket 3-1.4"]);
        fs::remove_file(device.join("serial")).unwrap();
        assert_eq!(names_below(&class, 2), ["usb 1235-0051 socket 3-1.4"]);
        assert!(names_below(&class, 0).is_empty() && names_below(&class, 7).is_empty());
    }
}
