//! Files that root makes in a folder of a service's user would be closed to the service: they get
//! the folder's own owner.

use std::{
    io,
    os::unix::fs::{MetadataExt as _, chown},
    path::Path,
};

/// A state folder is no deeper.
const DEEPEST: u32 = 6;

/// Gives whatever root made under `folder` to the owner of `folder`. Does nothing for another
/// caller, and in a folder of root's.
///
/// # Errors
/// Where the folder can not be read, or something in it not be given away.
pub fn inherit(folder: &Path) -> io::Result<()> {
    let meta = std::fs::symlink_metadata(folder)?;
    if !rustix::process::geteuid().is_root() || meta.uid() == 0 {
        return Ok(());
    }
    hand_over(folder, (meta.uid(), meta.gid()), 0)
}

fn hand_over(folder: &Path, (user, group): (u32, u32), depth: u32) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // A link is left alone: it may lead out of the folder.
        let meta = entry.path().symlink_metadata()?;
        if meta.is_symlink() {
            continue;
        }
        if meta.uid() == 0 {
            chown(entry.path(), Some(user), Some(group))?;
        }
        if meta.is_dir() && depth < DEEPEST {
            hand_over(&entry.path(), (user, group), depth + 1)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_root_made_belongs_to_the_folders_owner() {
        if !rustix::process::geteuid().is_root() {
            // Another user can give nothing away, and makes nothing that must be.
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("a"), "").unwrap();
            inherit(folder.path()).unwrap();
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        chown(folder.path(), Some(65_534), Some(65_534)).unwrap();
        std::fs::create_dir(folder.path().join("models")).unwrap();
        std::fs::write(folder.path().join("models/a"), "").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link")).unwrap();
        inherit(folder.path()).unwrap();
        let owner = |name: &str| std::fs::symlink_metadata(folder.path().join(name)).unwrap().uid();
        assert_eq!((owner("models"), owner("models/a"), owner("link")), (65_534, 65_534, 0));
    }
}
