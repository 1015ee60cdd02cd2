//! One 512-byte tar header, read so strictly that no two readers can see two things in it.
//!
//! Every rule here is a place where real tar readers disagree: what stands after a NUL in a name,
//! the prefix field of GNU headers, sizes of directories, trailing slashes of files, base-256
//! numbers. A header that leans on any of them is refused, whichever reading would have been safe.
//! Format: POSIX.1-2017, `pax`, "ustar Interchange Format".

use crate::fault::{Fault, Reason, Result};
use crate::text;

/// Size of a header, and the unit to which contents are padded.
pub const BLOCK: usize = 512;

/// What a header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Attributes of the next entry (`x`).
    Pax,
    /// Attributes of all following entries (`g`).
    PaxGlobal,
    /// The name of the next entry, as GNU tar writes long ones (`L`).
    GnuLongName,
}

/// All that is kept of a file's mode. Set-user-id and write bits for others are normalised away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Not executable.
    Plain,
    /// Executable by its owner, and so by everybody.
    Executable,
}

impl Mode {
    /// The mode of a file that is executable or not.
    pub fn of(executable: bool) -> Self {
        if executable { Self::Executable } else { Self::Plain }
    }

    /// The permission bits of a file that we write.
    pub fn bits(self) -> u32 {
        match self {
            Self::Plain => 0o644,
            Self::Executable => 0o755,
        }
    }
}

/// A header, as far as a plugin needs it. Owner and time are read by nobody.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    /// What it announces.
    pub flag: Flag,
    /// The name as it stands; a directory's may end in one slash.
    pub name: Vec<u8>,
    /// Bytes that follow.
    pub size: u64,
    /// Whether the file is executable.
    pub mode: Mode,
}

impl Header {
    /// Reads a header that is not all zeros.
    ///
    /// # Errors
    /// `unsafe_archive` for one that leans on a rule that readers disagree on.
    pub fn read(block: &[u8; BLOCK]) -> Result<Self> {
        if checksum(block) != octal(&block[148..156], "checksum")? {
            return Err(refuse("a header does not match its checksum"));
        }
        let gnu = match &block[257..265] {
            b"ustar\x0000" => false,
            b"ustar  \0" => true,
            // Readers disagree on whether an unmarked header has a prefix field.
            _ => return Err(refuse("a header is in neither the POSIX nor the GNU format")),
        };
        let name = full_name(block, gnu)?;
        let flag = flag(block[156], &name)?;
        let size = octal(&block[124..136], "size")?;
        if flag == Flag::Directory && size != 0 {
            return Err(refuse(format!("the directory {} has content", shown(&name))));
        }
        if matches!(flag, Flag::File | Flag::Directory) && block[157] != 0 {
            return Err(refuse(format!("{} is a file and a link at once", shown(&name))));
        }
        let mode = Mode::of(octal(&block[100..108], "mode")? & 0o100 != 0);
        Ok(Self { flag, name, size, mode })
    }
}

fn flag(byte: u8, name: &[u8]) -> Result<Flag> {
    let slash = name.last() == Some(&b'/');
    let kind = match byte {
        b'0' | 0 if slash => return Err(refuse(format!("{} is a file and a directory at once", shown(name)))),
        b'0' | 0 => return Ok(Flag::File),
        b'5' => return Ok(Flag::Directory),
        b'x' => return Ok(Flag::Pax),
        b'g' => return Ok(Flag::PaxGlobal),
        b'L' => return Ok(Flag::GnuLongName),
        b'1' => "a hard link",
        b'2' => "a symbolic link",
        b'3' | b'4' => "a device",
        b'6' => "a FIFO",
        b'K' => "a long link target",
        b'S' => "a sparse file",
        _ => "an entry of an unknown kind",
    };
    Err(refuse(format!("{} is {kind}", shown(name))))
}

fn full_name(block: &[u8; BLOCK], gnu: bool) -> Result<Vec<u8>> {
    let name = until_nul(&block[..100], "name")?;
    if gnu {
        // GNU keeps times and sparse maps here; some readers take them for a prefix all the same.
        if block[345..].iter().any(|byte| *byte != 0) {
            return Err(refuse("a GNU header has more than a name"));
        }
        return Ok(name.to_vec());
    }
    let prefix = until_nul(&block[345..500], "prefix")?;
    Ok(if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() })
}

/// The text of a field; what follows its first NUL must be NULs, or readers see different names.
fn until_nul<'a>(field: &'a [u8], what: &str) -> Result<&'a [u8]> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (text, rest) = field.split_at(end);
    if rest.iter().any(|byte| *byte != 0) {
        return Err(refuse(format!("the {what} of a header goes on after its end")));
    }
    Ok(text)
}

/// An octal number, padded with zeros or leading spaces and ended by spaces or NULs. An empty field
/// is zero, as GNU tar and Go read it. Base-256 numbers, which exist for sizes beyond 8 GiB and for
/// negative times, are refused: no plugin needs them and a negative size loops forever in some readers.
fn octal(field: &[u8], what: &str) -> Result<u64> {
    let malformed = || refuse(format!("the {what} of a header is not a plain octal number"));
    let start = field.iter().take_while(|byte| **byte == b' ').count();
    let text = &field[start..];
    let digits = text.iter().take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let (digits, rest) = text.split_at(digits);
    if digits.len() > 12 || rest.iter().any(|byte| !matches!(byte, b' ' | 0)) {
        return Err(malformed());
    }
    Ok(digits.iter().fold(0, |number, digit| number << 3 | u64::from(digit - b'0')))
}

fn checksum(block: &[u8; BLOCK]) -> u64 {
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    let own: u64 = block[148..156].iter().map(|byte| u64::from(*byte)).sum();
    sum - own + 8 * u64::from(b' ')
}

/// A name for a message.
pub fn shown(name: &[u8]) -> String {
    format!("`{}`", text::shown(&text::spelled(name), 120))
}

/// The refusal of an archive.
pub fn refuse(message: impl Into<String>) -> Fault {
    Fault::new(Reason::UnsafeArchive, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::{Written, write};

    fn header(change: impl FnOnce(&mut [u8; BLOCK])) -> [u8; BLOCK] {
        let mut bytes = Vec::new();
        write(&mut bytes, &Written { name: "demo/plugin.py", kind: b'0', size: 5, mode: 0o755, mtime: 7 });
        let mut block: [u8; BLOCK] = bytes.try_into().expect("one block");
        change(&mut block);
        let sum = format!("{:06o}\0 ", checksum(&block));
        block[148..156].copy_from_slice(sum.as_bytes());
        block
    }

    #[test]
    fn reads_what_the_writer_writes() {
        let read = Header::read(&header(|_| {})).expect("valid");
        assert_eq!(
            read,
            Header { flag: Flag::File, name: b"demo/plugin.py".to_vec(), size: 5, mode: Mode::Executable }
        );
    }

    #[test]
    fn refuses_every_kind_but_files_and_directories() {
        for kind in [b'1', b'2', b'3', b'4', b'6', b'7', b'K', b'S', b'D', b'M', b'V', b'N', b'X', 0xff] {
            assert!(Header::read(&header(|block| block[156] = kind)).is_err(), "{}", kind.escape_ascii());
        }
    }

    #[test]
    fn refuses_fields_that_readers_take_for_two_things() {
        type Change = fn(&mut [u8; BLOCK]);
        let cases: [(&str, Change); 9] = [
            ("name after NUL", |block| block[50] = b'x'),
            ("no magic", |block| block[257..265].fill(0)),
            ("prefix in a GNU header", |block| {
                block[257..265].copy_from_slice(b"ustar  \0");
                block[345] = b'x';
            }),
            ("base-256 size", |block| block[124] = 0x80),
            ("negative size", |block| block[124..136].copy_from_slice(b"-0000000001\0")),
            ("size with garbage", |block| block[130] = b'9'),
            ("directory with content", |block| block[156] = b'5'),
            ("file with a slash", |block| block[..15].copy_from_slice(b"demo/plugin.py/")),
            ("file with a link target", |block| block[157] = b'x'),
        ];
        for (what, change) in cases {
            assert!(Header::read(&header(change)).is_err(), "{what}");
        }
    }

    #[test]
    fn refuses_any_change_without_a_new_checksum() {
        let block = header(|_| {});
        for position in 0..BLOCK {
            let mut changed = block;
            changed[position] ^= 1;
            assert!(Header::read(&changed).is_err_and(|f| f.reason() == Reason::UnsafeArchive), "{position}");
        }
    }
}
