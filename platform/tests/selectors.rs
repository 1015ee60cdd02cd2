//! Which commands each selector selects.

use aisoc_platform::{CommandView, Identity, Risk, Selector};

#[derive(Default)]
struct Command {
    path: &'static str,
    domain: &'static str,
    risk: Option<Risk>,
    identities: Option<Vec<Identity>>,
}

impl CommandView for Command {
    fn path(&self) -> String {
        self.path.to_owned()
    }

    fn domain(&self) -> String {
        self.domain.to_owned()
    }

    fn risk(&self) -> Option<Risk> {
        self.risk.clone()
    }

    fn identities(&self) -> Option<Vec<Identity>> {
        self.identities.clone()
    }

    fn annotation(&self, _: &str) -> Option<String> {
        None
    }
}

fn commands() -> [Command; 6] {
    let of = |path, domain, risk, identities| Command { path, domain, risk, identities };
    [
        of("plugin/sign", "author", Some(Risk::Write), Some(vec![Identity::User])),
        of("plugin/verify", "artifact", Some(Risk::Read), Some(vec![Identity::User, Identity::Bot])),
        of("keys/revoke", "keys", Some(Risk::HighRiskWrite), None),
        of("keys/list", "keys", Some(Risk::Read), Some(vec![])),
        of("odd", "", Some(Risk::from("wrtie")), None),
        of("bare", "", None, None),
    ]
}

/// The paths that are selected.
fn selected(selector: &Selector) -> Vec<&'static str> {
    let commands = commands();
    let selected = commands.iter().filter(|command| selector.matches(*command));
    selected.map(|command| command.path).collect()
}

const EVERY: [&str; 6] = ["plugin/sign", "plugin/verify", "keys/revoke", "keys/list", "odd", "bare"];
const NONE: [&str; 0] = [];

#[test]
fn all_and_none() {
    assert_eq!(selected(&Selector::all()), EVERY);
    assert_eq!(selected(&Selector::none()), NONE);
}

#[test]
fn by_command_path_takes_any_of_several_patterns_and_no_fault() {
    assert_eq!(selected(&Selector::by_command_path(["plugin/**"])), ["plugin/sign", "plugin/verify"]);
    assert_eq!(selected(&Selector::by_command_path(["*/list", "bare"])), ["keys/list", "bare"]);
    assert_eq!(selected(&Selector::by_command_path(["[abc", ""])), NONE);
    assert_eq!(selected(&Selector::by_command_path(["[abc", "bare"])), ["bare"]);
    assert_eq!(selected(&Selector::by_command_path(Vec::<String>::new())), NONE);
}

#[test]
fn by_domain_never_selects_what_does_not_say() {
    assert_eq!(selected(&Selector::by_domain(["keys"])), ["keys/revoke", "keys/list"]);
    assert_eq!(selected(&Selector::by_domain(["author", "artifact"])), ["plugin/sign", "plugin/verify"]);
    assert_eq!(selected(&Selector::by_domain([""])), NONE);
}

#[test]
fn by_risk() {
    assert_eq!(selected(&Selector::by_exact_risk(Risk::Write)), ["plugin/sign"]);
    assert_eq!(selected(&Selector::by_exact_risk(Risk::from("wrtie"))), ["odd"]);
    assert_eq!(selected(&Selector::by_read_only()), ["plugin/verify", "keys/list"]);
    assert_eq!(selected(&Selector::by_write()), ["plugin/sign", "keys/revoke"]);
}

#[test]
fn by_identity_never_selects_what_does_not_say() {
    assert_eq!(selected(&Selector::by_identity(Identity::User)), ["plugin/sign", "plugin/verify"]);
    assert_eq!(selected(&Selector::by_identity(Identity::Bot)), ["plugin/verify"]);
    assert_eq!(selected(&Selector::by_identity(Identity::from("root"))), NONE);
}

#[test]
fn and_or_not() {
    let (keys, reads) = (|| Selector::by_domain(["keys"]), Selector::by_read_only);
    assert_eq!(selected(&keys().and(reads())), ["keys/list"]);
    assert_eq!(selected(&keys().or(reads())), ["plugin/verify", "keys/revoke", "keys/list"]);
    assert_eq!(selected(&keys().not()), ["plugin/sign", "plugin/verify", "odd", "bare"]);
    assert_eq!(selected(&Selector::none().not()), EVERY);
    assert_eq!(selected(&Selector::new(|command| command.path().len() == 3)), ["odd"]);
}

#[test]
fn what_is_absent_selects_nothing_and_its_opposite_everything() {
    let absent = Selector::default;
    assert!(absent().is_absent() && !Selector::none().is_absent());
    assert_eq!(selected(&absent()), NONE);
    assert_eq!(selected(&absent().not()), EVERY);
    assert_eq!(selected(&absent().and(Selector::all())), NONE);
    assert_eq!(selected(&Selector::all().and(absent())), NONE);
    assert_eq!(selected(&absent().or(Selector::all())), EVERY);
    // Once something is said with it, it is said.
    assert!(!absent().not().is_absent() && !absent().and(absent()).is_absent());
}
