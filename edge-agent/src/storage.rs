//! What the kernel knows of the disk under the state folder before it fails: errors that ext4
//! found, a file system that was mounted read-only, the wear that an eMMC reports (JEDEC
//! JESD84-B51: life time in tenths, pre-end-of-life).
//!
//! It reads a few files of sysfs and decides nothing. An SD card reports no wear: of it only errors
//! show.

use std::path::{Path, PathBuf};

/// eMMC: from this step on at least 90 % of its life are used; each step is a tenth.
const WORN_STEP: u8 = 0x0a;

/// Where the disk of a folder tells how it is.
#[derive(Debug, Clone)]
pub struct Storage {
    folder: PathBuf,
    /// `/sys/fs/ext4/NAME`.
    ext4: Option<PathBuf>,
    /// The card or chip below the partition.
    chip: Option<PathBuf>,
}

impl Storage {
    /// The disk under this folder.
    pub fn under(folder: &Path) -> Self {
        let number = rustix::fs::stat(folder)
            .map(|s| (rustix::fs::major(s.st_dev), rustix::fs::minor(s.st_dev)));
        let block = number
            .ok()
            .map(|(major, minor)| PathBuf::from(format!("/sys/dev/block/{major}:{minor}")));
        Self::of(folder, block.as_deref(), Path::new("/sys"))
    }

    /// `block`: the partition's folder in sysfs, or a link to it.
    fn of(folder: &Path, block: Option<&Path>, sys: &Path) -> Self {
        let block = block.and_then(|block| block.canonicalize().ok());
        let name = block.as_ref().and_then(|block| block.file_name());
        let ext4 = name.map(|name| sys.join("fs/ext4").join(name));
        let chip = block.as_ref().and_then(|block| {
            let places = [block.join("device"), block.parent()?.join("device")];
            places.into_iter().find(|place| {
                place.join("life_time").exists() || place.join("pre_eol_info").exists()
            })
        });
        Self { folder: folder.to_path_buf(), ext4, chip }
    }

    /// One line for each sign that it fails; empty where there is none, or where nothing is told.
    pub fn complaints(&self) -> Vec<String> {
        let mut said = Vec::new();
        let flags = rustix::fs::statvfs(&self.folder).map(|disk| disk.f_flag);
        if flags.is_ok_and(|flags| flags.contains(rustix::fs::StatVfsMountFlags::RDONLY)) {
            said.push(format!(
                "{} is read-only: nothing can be kept; replace the card",
                self.folder.display()
            ));
        }
        let errors = self.ext4.as_ref().and_then(|ext4| number(&ext4.join("errors_count")));
        if let Some(errors) = errors.filter(|errors| *errors > 0) {
            said.push(format!(
                "the file system counts {errors} errors: replace the card, or check it (e2fsck) \
                and look again"
            ));
        }
        if let Some(chip) = &self.chip {
            if let Some(step) = life_steps(chip).filter(|step| *step >= WORN_STEP) {
                let percent = (u32::from(step) - 1) * 10;
                said.push(format!(
                    "{percent} % or more of the storage's life are used: replace it soon"
                ));
            }
            match std::fs::read_to_string(chip.join("pre_eol_info"))
                .ok()
                .and_then(|text| hex(text.trim()))
            {
                Some(2) => said.push(
                    "the storage has used 80 % of its reserved blocks: replace it soon".to_owned(),
                ),
                Some(3) => said.push(
                    "the storage has hardly a reserved block left: replace it now".to_owned(),
                ),
                _ => {}
            }
        }
        said
    }
}

fn number(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The worse of its two kinds of memory, in tenths used; 0x0b means more than its life.
fn life_steps(chip: &Path) -> Option<u8> {
    let text = std::fs::read_to_string(chip.join("life_time")).ok()?;
    text.split_whitespace().filter_map(hex).max()
}

fn hex(text: &str) -> Option<u8> {
    u8::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A board whose card says this of itself; an empty text: the file is not there.
    fn said(errors: &str, life_time: &str, pre_eol: &str) -> Vec<String> {
        let sys = tempfile::tempdir().unwrap();
        let partition = sys.path().join("devices/mmc0/block/mmcblk0/mmcblk0p4");
        let chip = sys.path().join("devices/mmc0/block/mmcblk0/device");
        let ext4 = sys.path().join("fs/ext4/mmcblk0p4");
        for folder in [&partition, &chip, &ext4] {
            fs::create_dir_all(folder).unwrap();
        }
        for (path, text) in [
            (ext4.join("errors_count"), errors),
            (chip.join("life_time"), life_time),
            (chip.join("pre_eol_info"), pre_eol),
        ] {
            if !text.is_empty() {
                fs::write(path, text).unwrap();
            }
        }
        Storage::of(sys.path(), Some(&partition), sys.path()).complaints()
    }

    #[test]
    fn a_sound_card_is_not_complained_of() {
        assert_eq!(said("0\n", "0x01 0x02\n", "0x01\n"), [""; 0]);
        assert_eq!(said("", "", ""), [""; 0]);
        assert_eq!(said("none", "zz", "?"), [""; 0]);
        assert_eq!(Storage::of(Path::new("/"), None, Path::new("/nowhere")).complaints(), [""; 0]);
    }

    #[test]
    fn errors_and_wear_are_told_before_the_card_is_gone() {
        assert!(said("3\n", "", "")[0].contains("3 errors"));
        assert_eq!(said("0", "0x09 0x01", "0x01"), [""; 0]);
        assert!(said("0", "0x01 0x0a", "0x01")[0].starts_with("90 %"));
        assert!(said("0", "0x0b 0x01", "0x01")[0].starts_with("100 %"));
        assert!(
            said("0", "", "0x02")[0].contains("80 %") && said("0", "", "0x03")[0].contains("now")
        );
        assert_eq!(said("1", "0x0b 0x0b", "0x03").len(), 3);
    }

    #[test]
    fn the_folder_of_this_machine_is_found_and_writable() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            !Storage::under(folder.path())
                .complaints()
                .iter()
                .any(|line| line.contains("read-only"))
        );
    }
}
