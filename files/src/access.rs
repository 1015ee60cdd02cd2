//! The rule: what nobody but root and this user may change, apart from a group that they let.
#![expect(clippy::disallowed_methods, reason = "its room: what the kernel says of users, in `/proc`")]

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{FileType, Stat, StatVfsMountFlags};

use crate::access_list::other_writer;
use crate::shell::shell_word;

/// How many weaknesses a message names.
const MAX_NAMED: usize = 8;
const WRITABLE_BY_ALL: u32 = 0o002;
/// Where an access list is, what it grants at most.
const WRITABLE_BY_GROUP: u32 = 0o020;
const STICKY: u32 = 0o1000;
const PERMISSIONS: u32 = 0o7777;

/// Something on the way that somebody else may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weakness {
    /// Where it is, with no link on the way: from the current directory, if that is where the way began.
    pub path: PathBuf,
    /// Why they may.
    pub flaw: Flaw,
    /// Its owner.
    pub owner: u32,
    /// Its permissions.
    pub mode: u32,
    /// What it is to the way.
    pub(crate) part: Part,
    pub(crate) is_directory: bool,
}

/// Why somebody else may change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It belongs to neither root nor this user.
    ForeignOwner,
    /// It belongs to somebody whom this user namespace does not know: to root, or to anybody.
    UnknownOwner,
    /// Everybody may write it.
    WritableByAll,
    /// Its access list lets that user write it.
    WritableBy(u32),
}

/// Everything that was found on the way that somebody else may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insecure {
    /// Each thing once, in the order in which it was met. There is at least one.
    pub weaknesses: Vec<Weakness>,
    user: u32,
}

/// What a thing is to the way to what is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A directory that the way goes on from.
    Above,
    /// The end of the way.
    End,
    /// A link. Its permissions mean nothing.
    Link,
}

/// The rule for one user.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    user: u32,
    unknown_owner: OnceLock<Option<u32>>,
}

impl Rule {
    pub(crate) fn for_this_user() -> Self {
        Self { user: rustix::process::geteuid().as_raw(), unknown_owner: OnceLock::new() }
    }

    /// On a read-only mount nobody writes, whatever owner and mode say: whoever mounted it has answered for
    /// it. In a sticky directory of root's, such as `/tmp`, everybody may add names, and nobody may take
    /// away those of others: what stands in it is judged by itself.
    pub(crate) fn judge(
        &self,
        opened: impl AsFd,
        found: &Stat,
        path: impl FnOnce() -> PathBuf,
        part: Part,
    ) -> io::Result<Option<Weakness>> {
        let (owner, mode) = (found.st_uid, found.st_mode & PERMISSIONS);
        let unknown = || *self.unknown_owner.get_or_init(unknown_owner);
        let flaw = match owner_flaw(owner, self.user, unknown) {
            None => self.mode_flaw(&opened, owner, mode, part)?,
            flaw => flaw,
        };
        match flaw {
            Some(flaw) if !is_read_only(opened)? => {
                let is_directory = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
                Ok(Some(Weakness { path: path(), flaw, owner, mode, part, is_directory }))
            }
            _ => Ok(None),
        }
    }

    fn mode_flaw(&self, opened: impl AsFd, owner: u32, mode: u32, part: Part) -> io::Result<Option<Flaw>> {
        let is_shared = part == Part::Above && owner == 0 && mode & STICKY != 0;
        if part == Part::Link || is_shared {
            return Ok(None);
        }
        if mode & WRITABLE_BY_ALL != 0 {
            return Ok(Some(Flaw::WritableByAll));
        }
        match mode & WRITABLE_BY_GROUP {
            0 => Ok(None),
            _ => Ok(other_writer(opened, self.user)?.map(Flaw::WritableBy)),
        }
    }

    /// Whether nothing was found.
    pub(crate) fn conclude(self, weaknesses: Vec<Weakness>) -> Result<(), Insecure> {
        match weaknesses.is_empty() {
            true => Ok(()),
            false => Err(Insecure { weaknesses, user: self.user }),
        }
    }
}

impl Insecure {
    /// What was required.
    pub fn expected(&self) -> String {
        let owner = if self.user == 0 { "owner 0".to_owned() } else { format!("owner 0 or {}", self.user) };
        format!("{owner}, and a mode without write permission for others")
    }

    /// What was found first.
    pub fn found(&self) -> String {
        self.weaknesses.first().map(Weakness::rights).unwrap_or_default()
    }

    /// Whether all of it is directories that everybody may write, each of root's or of this user's: what a
    /// volume is that was made to be shared.
    pub fn is_shared_only(&self) -> bool {
        self.weaknesses.iter().all(|weakness| weakness.flaw == Flaw::WritableByAll && weakness.is_directory)
    }

    /// The end of the way, when that is all that is insecure, and sticky and root's: in it a directory of this
    /// user's own is secure.
    pub fn sticky_end(&self) -> Option<&Path> {
        match self.weaknesses.as_slice() {
            [Weakness { path, flaw: Flaw::WritableByAll, owner: 0, mode, part: Part::End, .. }]
                if mode & STICKY != 0 =>
            {
                Some(path)
            }
            _ => None,
        }
    }

    /// What to do, when one way mends all of it. Nothing is ever taken from the owner of a directory above:
    /// it may be the home of a user.
    pub fn remedy(&self) -> Option<String> {
        if self.weaknesses.iter().any(Weakness::is_foreign_above) {
            return Some(format!(
                "copy what belongs there into a directory of {}, with no other user's directory above it, and name \
                 that one; do not change the owner of a directory on the way: it may be a user's home",
                if self.user == 0 { "root's" } else { "root's or yours" }
            ));
        }
        let command = match self.weaknesses.first()?.flaw {
            // Nobody else may change a mode either.
            Flaw::WritableByAll if self.weaknesses.iter().any(|weakness| !self.may_change_mode(weakness)) => {
                return Some(
                    "its owner can take that right from the others with `chmod o-w`; or name a directory that nobody \
                     else can write"
                        .into(),
                );
            }
            Flaw::WritableByAll => "chmod o-w".to_owned(),
            Flaw::WritableBy(user) => format!("setfacl -x u:{user}"),
            // Nobody else may give files away.
            Flaw::ForeignOwner if self.user == 0 => "chown -h 0".to_owned(),
            Flaw::ForeignOwner => return None,
            Flaw::UnknownOwner => {
                return Some(
                    "run it where that owner has a name, or give it the directory on a read-only mount".into(),
                );
            }
        };
        if self.weaknesses.len() > MAX_NAMED {
            return None;
        }
        let flaw = self.weaknesses.first()?.flaw;
        let argument =
            |weakness: &Weakness| (weakness.flaw == flaw).then(|| format!(" {}", shell_word(&weakness.path)));
        let paths: Option<String> = self.weaknesses.iter().map(argument).collect();
        Some(format!("find out what came in that way, then `{command}{}`", paths?))
    }

    fn may_change_mode(&self, weakness: &Weakness) -> bool {
        self.user == 0 || weakness.owner == self.user
    }
}

impl Weakness {
    fn is_foreign_above(&self) -> bool {
        self.flaw == Flaw::ForeignOwner && self.part == Part::Above
    }

    /// Whether the other one says the same of the same thing, met at another step of the way.
    pub(crate) fn repeats(&self, other: &Self) -> bool {
        (&self.path, self.flaw, self.owner, self.mode) == (&other.path, other.flaw, other.owner, other.mode)
    }

    fn rights(&self) -> String {
        format!("owner {}, mode {:04o}", self.owner, self.mode)
    }
}

impl fmt::Display for Insecure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, weakness) in self.weaknesses.iter().take(MAX_NAMED).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{weakness}")?;
        }
        match self.weaknesses.len().saturating_sub(MAX_NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", self.path.display())?;
        match self.flaw {
            Flaw::ForeignOwner => f.write_str("belongs to another user")?,
            Flaw::UnknownOwner => f.write_str("belongs to a user that this user namespace does not know")?,
            Flaw::WritableByAll => f.write_str("can be written by everybody")?,
            Flaw::WritableBy(user) => write!(f, "can be written by user {user}, whom its access list names")?,
        }
        write!(f, " ({})", self.rights())
    }
}

impl std::error::Error for Insecure {}

fn is_read_only(opened: impl AsFd) -> io::Result<bool> {
    Ok(rustix::fs::fstatvfs(opened)?.f_flag.contains(StatVfsMountFlags::RDONLY))
}

fn owner_flaw(owner: u32, user: u32, unknown: impl Fn() -> Option<u32>) -> Option<Flaw> {
    match owner {
        0 => None,
        owner if unknown() == Some(owner) => Some(Flaw::UnknownOwner),
        owner if owner == user => None,
        _ => Some(Flaw::ForeignOwner),
    }
}

/// The owner that stands for everybody whom this user namespace does not know, if it does not know all:
/// there the real root of the machine and any of its users look the same, and may look like this user.
fn unknown_owner() -> Option<u32> {
    let read = |name: &str| std::fs::read_to_string(Path::new("/proc").join(name));
    // What the kernel starts with. Without /proc nothing is known, and that owner is nobody's.
    const DEFAULT: u32 = 65_534;
    let overflow = read("sys/kernel/overflowuid").ok().and_then(|text| text.trim().parse().ok()).unwrap_or(DEFAULT);
    match read("self/uid_map") {
        Ok(map) if knows_everybody(&map) => None,
        _ => Some(overflow),
    }
}

fn knows_everybody(uid_map: &str) -> bool {
    uid_map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_whom_the_namespace_does_not_know_is_nobody_that_is_trusted() {
        let (known, unknown) = (|| None, || Some(65_534));
        assert_eq!(owner_flaw(0, 1000, unknown), None);
        assert_eq!(owner_flaw(1000, 1000, unknown), None);
        assert_eq!(owner_flaw(1001, 1000, unknown), Some(Flaw::ForeignOwner));
        assert_eq!(owner_flaw(65_534, 1000, unknown), Some(Flaw::UnknownOwner));
        // A process that is itself unknown there looks the same as everybody.
        assert_eq!(owner_flaw(65_534, 65_534, unknown), Some(Flaw::UnknownOwner));
        assert_eq!(owner_flaw(65_534, 65_534, known), None);
        assert!(knows_everybody("         0          0 4294967295\n"));
        for map in ["", "0 1000 1\n", "0 1000 1\n1 100000 65536\n", "0 0 4294967294\n"] {
            assert!(!knows_everybody(map), "{map:?}");
        }
    }

    #[test]
    fn all_of_it_is_told_in_one_line_with_one_command() {
        let weakness = |path: &str, flaw| Weakness {
            path: path.into(),
            flaw,
            owner: 1000,
            mode: 0o777,
            part: Part::End,
            is_directory: true,
        };
        let insecure = |weaknesses| Insecure { weaknesses, user: 1000 };
        let open = insecure(vec![weakness("/a", Flaw::WritableByAll), weakness("/a/b", Flaw::WritableByAll)]);
        assert_eq!(
            open.to_string(),
            "`/a` can be written by everybody (owner 1000, mode 0777); `/a/b` can be written by everybody (owner 1000, mode 0777)"
        );
        assert_eq!(open.remedy().as_deref(), Some("find out what came in that way, then `chmod o-w /a /a/b`"));
        assert_eq!(open.expected(), "owner 0 or 1000, and a mode without write permission for others");
        let odd = insecure(vec![weakness("/a b", Flaw::WritableByAll)]);
        assert_eq!(odd.remedy().as_deref(), Some("find out what came in that way, then `chmod o-w '/a b'`"));
        let option = insecure(vec![weakness("-a", Flaw::WritableByAll)]);
        assert_eq!(option.remedy().as_deref(), Some("find out what came in that way, then `chmod o-w ./-a`"));
        let listed = insecure(vec![weakness("a", Flaw::WritableBy(9))]);
        assert_eq!(listed.remedy().as_deref(), Some("find out what came in that way, then `setfacl -x u:9 a`"));
        let mixed = insecure(vec![weakness("/a", Flaw::WritableByAll), weakness("/b", Flaw::ForeignOwner)]);
        assert_eq!(mixed.remedy(), None);
        let many = insecure((0..20).map(|name| weakness(&format!("/{name}"), Flaw::WritableByAll)).collect());
        assert!(many.to_string().ends_with("; and 12 more"));
        assert_eq!(many.remedy(), None);
    }

    #[test]
    fn only_who_may_change_a_mode_is_told_to() {
        let weakness = |owner, mode, part, is_directory| {
            let path = "/v".into();
            Weakness { path, flaw: Flaw::WritableByAll, owner, mode, part, is_directory }
        };
        let insecure = |weakness, user| Insecure { weaknesses: vec![weakness], user };
        let volume = || weakness(0, 0o1777, Part::End, true);
        assert!(insecure(volume(), 0).remedy().expect("a way").contains("then `chmod o-w /v`"));
        assert!(insecure(volume(), 1000).remedy().expect("a way").starts_with("its owner can"));
        assert_eq!(insecure(volume(), 1000).sticky_end(), Some(Path::new("/v")));
        for other in [
            weakness(0, 0o777, Part::End, true),
            weakness(1000, 0o1777, Part::End, true),
            weakness(0, 0o1777, Part::Above, true),
        ] {
            let insecure = insecure(other, 1000);
            assert_eq!((insecure.sticky_end(), insecure.is_shared_only()), (None, true));
        }
        assert!(!insecure(weakness(0, 0o666, Part::End, false), 0).is_shared_only(), "a file is no volume");
        let foreign = Weakness { flaw: Flaw::ForeignOwner, ..volume() };
        let both = Insecure { weaknesses: vec![volume(), foreign], user: 1000 };
        assert!(!both.is_shared_only() && both.sticky_end().is_none());
    }

    #[test]
    fn no_directory_on_the_way_is_taken_from_its_user() {
        let weakness = |path: &str, flaw, part| Weakness {
            path: path.into(),
            flaw,
            owner: 1000,
            mode: 0o755,
            part,
            is_directory: true,
        };
        let home = || weakness("/home/alice", Flaw::ForeignOwner, Part::Above);
        let keys = || weakness("/home/alice/keys", Flaw::ForeignOwner, Part::End);
        let open = || weakness("/home/alice/open", Flaw::WritableByAll, Part::Above);
        for weaknesses in [vec![home()], vec![home(), keys()], vec![keys(), home()], vec![open(), home()]] {
            for (user, whose) in [(0, "root's, with"), (1001, "root's or yours, with")] {
                let remedy = Insecure { weaknesses: weaknesses.clone(), user }.remedy().expect("a way");
                assert!(remedy.contains(whose), "{remedy}");
                assert!(!remedy.contains('`') && !remedy.contains("chown"), "{remedy}");
            }
        }
        let alone = Insecure { weaknesses: vec![keys()], user: 0 }.remedy();
        assert_eq!(alone.as_deref(), Some("find out what came in that way, then `chown -h 0 /home/alice/keys`"));
    }
}
