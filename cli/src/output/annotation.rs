//! A refusal as GitHub shows it beside the line that it is about: a workflow command on stderr, where the runner
//! reads them as well (GitHub Actions documentation, Workflow commands, Setting an error message).

use aisoc_manifests::fault::Fault;

use super::redacted;

/// `::error file=…,line=…,col=…,title=CODE::MESSAGE`, on one line whatever the message holds.
pub(super) fn of(fault: &Fault) -> String {
    let place = fault.location().map(|location| {
        let file = property(&redacted(&location.file));
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
        let fault = Fault::new(Reason::FieldType, "100% a,b:c\r\n::error::forged");
        assert_eq!(of(&fault), "::error title=field_type::100%25 a,b:c%0D%0A::error::forged\n");
        let located = fault.at(Location { file: "a,line=9::x\n%y".into(), line: 3, column: 7 });
        assert_eq!(
            of(&located),
            "::error file=a%2Cline=9%3A%3Ax%0A%25y,line=3,col=7,title=field_type::100%25 a,b:c%0D%0A::error::forged\n"
        );
        assert_eq!(without_commands("x ##[error]y"), "x ## [error]y");
    }
}
