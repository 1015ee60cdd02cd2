//! `replace_in`: a small file of ours that is there as it was or as it is to be, in a directory that is open.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags};

const CREATE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::TRUNC).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Puts `content` in the place of the file `name`, for whoever holds the directory's lock: a second name,
/// `NAME.new`, is the next writer's to use again when a killed one has left it.
///
/// # Errors
/// Those of writing, syncing and renaming. Each leaves the file as it was.
pub fn replace_in(directory: impl AsFd, name: &str, content: &[u8]) -> io::Result<()> {
    let new_name = format!("{name}.new");
    let mut file = File::from(rustix::fs::openat(&directory, &new_name, CREATE, Mode::from_raw_mode(0o644))?);
    file.write_all(content)?;
    file.sync_all()?;
    rustix::fs::renameat(&directory, &new_name, &directory, name)?;
    Ok(rustix::fs::fsync(&directory)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_is_replaced_whole_and_what_a_kill_has_left_is_used_again() {
        let root = tempfile::tempdir().expect("directory");
        let directory = File::open(root.path()).expect("opened");
        fs::write(root.path().join("file.new"), "longer than what comes").expect("written");
        for content in ["one", ""] {
            replace_in(&directory, "file", content.as_bytes()).expect("replaced");
            assert_eq!(fs::read_to_string(root.path().join("file")).expect("read"), content);
        }
        assert_eq!(fs::read_dir(root.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_link_in_the_place_of_the_new_file_leads_nowhere() {
        let root = tempfile::tempdir().expect("directory");
        let directory = File::open(root.path()).expect("opened");
        fs::write(root.path().join("victim"), "kept").expect("written");
        symlink("victim", root.path().join("file.new")).expect("linked");
        replace_in(&directory, "file", b"x").expect_err("a link");
        assert_eq!(fs::read_to_string(root.path().join("victim")).expect("read"), "kept");
        assert!(!root.path().join("file").exists());
    }
}
