//! POSIX access lists: whom else a file lets write. In its mode they look like its group.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _};

use rustix::io::Errno;

const NAME: &str = "system.posix_acl_access";
/// The most that an attribute holds.
const MAX_BYTES: usize = 64 << 10;
const VERSION: u32 = 2;
/// Tags of entries: `linux/posix_acl.h`.
const NAMED_USER: u16 = 0x02;
const MASK: u16 = 0x10;
const WRITE: u16 = 0o2;

/// The first user beside root and `user` whom the list of something open lets write, by name and not as
/// one of a group.
///
/// # Errors
/// Those of reading it, and `InvalidData` for a list in another form than the kernel's.
pub(crate) fn other_writer(opened: impl AsFd, user: u32) -> io::Result<Option<u32>> {
    let mut list = vec![0; MAX_BYTES];
    // What is open only to pass has attributes by its path alone.
    let path = format!("/proc/self/fd/{}", opened.as_fd().as_raw_fd());
    match rustix::fs::getxattr(path, NAME, list.as_mut_slice()) {
        Ok(bytes) => first_writer(&list[..bytes], user),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Entries of eight bytes after a version, in the byte order of no machine: little end first.
fn first_writer(list: &[u8], user: u32) -> io::Result<Option<u32>> {
    let unknown = || io::Error::new(io::ErrorKind::InvalidData, "its access list has an unknown form");
    let (version, entries) = list.split_first_chunk::<4>().ok_or_else(unknown)?;
    let (entries, rest) = entries.as_chunks::<8>();
    if u32::from_le_bytes(*version) != VERSION || !rest.is_empty() {
        return Err(unknown());
    }
    let entry = |[t0, t1, p0, p1, i0, i1, i2, i3]: &[u8; 8]| {
        (u16::from_le_bytes([*t0, *t1]), u16::from_le_bytes([*p0, *p1]), u32::from_le_bytes([*i0, *i1, *i2, *i3]))
    };
    let mask = entries.iter().map(entry).find(|(tag, ..)| *tag == MASK).map_or(WRITE, |(_, rights, _)| rights);
    let may_write = |rights: u16| rights & mask & WRITE != 0;
    let others = entries.iter().map(entry).filter(|(tag, rights, _)| *tag == NAMED_USER && may_write(*rights));
    Ok(others.map(|(.., id)| id).find(|id| *id != 0 && *id != user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A list as the kernel keeps it, of tag, rights and user or group each.
    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut list = VERSION.to_le_bytes().to_vec();
        for (tag, rights, id) in entries {
            list.extend([&tag.to_le_bytes()[..], &rights.to_le_bytes(), &id.to_le_bytes()].concat());
        }
        list
    }

    const NOBODY_IN_PARTICULAR: u32 = u32::MAX;

    fn granting(rights: u16, mask: u16, user: u32) -> Vec<u8> {
        list(&[
            (0x01, 6, NOBODY_IN_PARTICULAR),
            (NAMED_USER, rights, user),
            (0x04, 4, NOBODY_IN_PARTICULAR),
            (MASK, mask, NOBODY_IN_PARTICULAR),
            (0x20, 4, NOBODY_IN_PARTICULAR),
        ])
    }

    #[test]
    fn a_user_whom_a_list_lets_write_is_found() {
        for (rights, mask, user, found) in [
            (6, 6, 1001, Some(1001)),
            (2, 7, 1001, Some(1001)),
            (6, 4, 1001, None),
            (4, 6, 1001, None),
            (6, 6, 1000, None),
            (6, 6, 0, None),
        ] {
            let writer = first_writer(&granting(rights, mask, user), 1000).expect("a list");
            assert_eq!(writer, found, "{rights} {mask} {user}");
        }
        let group = list(&[(0x08, 6, 1001), (MASK, 6, NOBODY_IN_PARTICULAR)]);
        assert_eq!(first_writer(&group, 1000).expect("a list"), None, "a group may write");
    }

    #[test]
    fn a_list_in_another_form_is_not_passed_over() {
        let good = granting(6, 6, 1001);
        for bad in [&[][..], &good[..3], &good[..good.len() - 1], b"\x01\0\0\0"] {
            assert_eq!(first_writer(bad, 1000).expect_err("bad").kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn the_list_of_what_is_open_only_to_pass_is_read() {
        let root = tempfile::tempdir().expect("a directory");
        let open = || {
            let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC;
            rustix::fs::open(root.path(), flags, rustix::fs::Mode::empty()).expect("open")
        };
        assert_eq!(other_writer(open(), 1000).expect("none"), None);
        let set = rustix::fs::setxattr(root.path(), NAME, &granting(6, 6, 1001), rustix::fs::XattrFlags::empty());
        if set == Err(Errno::OPNOTSUPP) {
            eprintln!("SKIPPED: no access lists on this file system");
            return;
        }
        set.expect("set");
        assert_eq!(other_writer(open(), 1000).expect("a list"), Some(1001));
        assert_eq!(other_writer(open(), 1001).expect("a list"), None);
        let file = fs::File::open(root.path()).expect("open");
        assert_eq!(other_writer(&file, 1000).expect("a list"), Some(1001));
    }
}
