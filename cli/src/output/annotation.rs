//! A refusal as GitHub shows it beside the line that it is about: a workflow command on stderr, where the runner
//! reads them as well (GitHub Actions documentation, Workflow commands, Setting an error message).

use std::path::PathBuf;

use aisoc_manifests::fault::Fault;

use super::redacted;

/// Where the runner looks for the files that an annotation names.
#[derive(Debug, Clone)]
pub(crate) struct Workspace(pub(crate) PathBuf);

impl Workspace {
    /// A file as the runner finds it. A step may run below the repository, and types its paths from there.
    fn place_of(&self, file: &str) -> String {
        let whole = std::path::absolute(file).unwrap_or_else(|_| PathBuf::from(file));
        // Either may be a link, as the temporary directories of some systems are.
        let [whole, root] = [&whole, &self.0].map(|path| path.canonicalize().unwrap_or_else(|_| path.clone()));
        match whole.strip_prefix(&root) {
            Ok(inside) if !self.0.as_os_str().is_empty() => inside.display().to_string(),
            _ => whole.display().to_string(),
        }
    }
}

/// `::error file=…,line=…,col=…,title=CODE::MESSAGE`, on one line whatever the message holds.
pub(super) fn of(fault: &Fault, workspace: &Workspace) -> String {
    let place = fault.location().map(|location| {
        let file = property(&redacted(&workspace.place_of(&location.file)));
        format!("file={file},line={},col={},", location.line, location.column)
    });
    let title = property(fault.reason().as_str());
    format!("::error {}title={title}::{}\n", place.unwrap_or_default(), data(&redacted(fault.message())))
}

/// As the runner's own toolkit escapes it: a line break would begin another command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What ends a property is escaped as well.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// A text in which the runner finds no command of its older form, which it looks for within lines.
pub(super) fn without_commands(text: &str) -> String {
    text.replace("##[", "## [")
}

#[cfg(test)]
mod tests {
    use aisoc_manifests::fault::{Location, Reason};

    use super::*;

    #[test]
    fn no_value_ends_a_property_or_begins_a_command() {
        let nowhere = Workspace(PathBuf::from("/nowhere"));
        let fault = Fault::new(Reason::FieldType, "100% a,b:c\r\n::error::forged");
        assert_eq!(of(&fault, &nowhere), "::error title=field_type::100%25 a,b:c%0D%0A::error::forged\n");
        let located = fault.at(Location { file: "/a,line=9::x\n%y".into(), line: 3, column: 7 });
        assert_eq!(
            of(&located, &nowhere),
            "::error file=/a%2Cline=9%3A%3Ax%0A%25y,line=3,col=7,title=field_type::100%25 a,b:c%0D%0A::error::forged\n"
        );
        assert_eq!(without_commands("x ##[error]y"), "x ## [error]y");
    }

    #[test]
    fn a_file_is_named_from_the_root_of_the_repository() {
        let here = std::path::absolute(".").expect("a directory");
        let root = here.parent().expect("one").to_owned();
        let name = here.file_name().expect("a name").to_str().expect("text").to_owned();
        assert_eq!(Workspace(root.clone()).place_of("./Cargo.toml"), format!("{name}/Cargo.toml"));
        assert_eq!(Workspace(root).place_of("src/../none.yaml"), format!("{name}/src/../none.yaml"));
        let outside = here.join("Cargo.toml").display().to_string();
        for elsewhere in ["/nowhere", ""] {
            assert_eq!(Workspace(PathBuf::from(elsewhere)).place_of("Cargo.toml"), outside);
        }
    }
}
