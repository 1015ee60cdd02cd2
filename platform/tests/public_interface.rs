//! What others build on, line by line: a change of it is a change of `testdata/golden/platform.txt`, and meant. To accept
//! it, run the test with `AISOC_ACCEPT_GOLDEN=1`.

use std::path::Path;
use std::{env, fs};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/golden/platform.txt");

/// A source without its tests, which stand at the end.
fn code_of(code: &str) -> String {
    code.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// The public lines of a source: items and their attributes, fields, variants and methods of traits, each up to
/// where its body begins.
fn public_lines(code: &str) -> Vec<String> {
    let code = code_of(code);
    let (mut found, mut attributes, mut open) = (Vec::new(), String::new(), String::new());
    let mut is_body_public = false;
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let (text, is_item) = (line.trim(), !line.starts_with(' '));
        if text.starts_with("#[") && !text.starts_with("#[expect") {
            attributes.push_str(&format!("{text} "));
            continue;
        }
        if is_item && !text.is_empty() && open.is_empty() {
            is_body_public = text.starts_with("pub trait") || text.starts_with("pub enum");
        }
        let is_new = text.starts_with("pub ") && !text.starts_with("pub use") || is_item && text.starts_with("impl");
        let is_inside = is_body_public && !is_item && !text.is_empty() && !text.starts_with(['}', '#', ')']);
        if open.is_empty() && !is_new && !is_inside {
            attributes.clear();
            continue;
        }
        let indent = if open.is_empty() && !is_item { "    " } else { "" };
        let before = if open.is_empty() { std::mem::take(&mut attributes) } else { " ".to_owned() };
        open.push_str(&format!("{indent}{before}{text}"));
        if open.ends_with(['{', ';', ',', '}']) && open.matches('(').count() == open.matches(')').count() {
            found.push(open.trim_end_matches(['{', ';', ',']).trim_end().to_owned());
            open.clear();
        }
    }
    found
}

fn interface() -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let library = fs::read_to_string(source.join("lib.rs")).expect("a library");
    let mut text = String::new();
    for line in library.lines().filter(|line| line.starts_with("pub use")) {
        let module = line["pub use ".len()..].split("::").next().expect("a module");
        let file = source.join(format!("{module}.rs"));
        let file = if file.exists() { file } else { source.join(module).join("mod.rs") };
        let code = fs::read_to_string(file).expect("a module");
        // One module is a directory, and says itself what of it is public.
        let inner = code.lines().filter_map(|line| line.strip_prefix("pub use ")?.split("::").next());
        let inner = inner.map(|inner| fs::read_to_string(source.join(module).join(format!("{inner}.rs"))));
        let code = inner.fold(code.clone(), |code, inner| code_of(&code) + &inner.expect("a module"));
        text.push_str(&format!("{line}\n"));
        public_lines(&code).iter().for_each(|line| text.push_str(&format!("    {line}\n")));
        text.push('\n');
    }
    text
}

#[test]
fn the_public_interface_is_what_it_was() {
    let found = interface();
    if env::var_os("AISOC_ACCEPT_GOLDEN").is_some() {
        fs::write(GOLDEN, &found).expect("written");
    }
    assert_eq!(fs::read_to_string(GOLDEN).expect("read"), found, "AISOC_ACCEPT_GOLDEN=1 accepts it");
    for held in
        ["pub fn register(", "fn capabilities(&self) -> Capabilities", "HighRiskWrite", "pub allow_unannotated: bool"]
    {
        assert!(found.contains(held), "{held}");
    }
}

/// Whether the interface has a name: `register`, `Risk::parse`, `Rule::allow`, `Display for Risk`.
fn has(interface: &str, name: &str) -> bool {
    let begins = |line: &str, name: &str| {
        let rest = line.split(name).nth(1);
        rest.is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
    };
    let Some((owner, member)) = name.split_once("::") else {
        let forms =
            ["fn ", "struct ", "enum ", "trait ", "type ", "impl ", "impl fmt::"].map(|form| format!("{form}{name}"));
        return interface.lines().any(|line| forms.iter().any(|form| begins(line, form)));
    };
    // What is said of one owner: from its own line to the next owner's.
    let is_head = |line: &str| {
        ["struct ", "enum ", "trait ", "impl "].iter().any(|form| line.contains(form)) && !line.starts_with("        ")
    };
    let mut is_owner = false;
    interface.lines().any(|line| {
        if is_head(line) {
            let forms = ["struct ", "enum ", "trait ", "impl "].map(|form| format!("{form}{owner}"));
            is_owner = forms.iter().any(|form| begins(line, form));
            return false;
        }
        is_owner && ["fn ", "pub ", "] ", "        "].iter().any(|form| begins(line, &format!("{form}{member}")))
    })
}

#[test]
fn the_page_of_names_is_about_this_interface() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/NAMES.md")).expect("read");
    let interface = fs::read_to_string(GOLDEN).expect("read");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .skip(8)
        .filter(|line| line.starts_with('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() > 90, "{}", rows.len());
    for row in &rows {
        let name = row[2].trim_matches('`');
        assert!(has(&interface, name), "{name} is not in the interface");
    }
    for absent in [
        "unregister",
        "Risk::parsed",
        "Rule::allowed",
        "Selector::xor",
        "Display for Rule",
        "When::During",
        "Plugin::observe",
    ] {
        assert!(!has(&interface, absent), "{absent}");
    }
    // Everything that is exported is on the page, but for what it says that there is beside it.
    let named = |name: &str| page.contains(&format!("`{name}`")) || page.contains(&format!("`{name}::"));
    let beside = [
        "BuildError",
        "BuildErrors",
        "BuiltPlugin",
        "GlobError",
        "Result",
        "Next",
        "UnknownIdentity",
        "is_valid_name",
        "UnknownRisk",
        "RuleFault",
    ];
    let exported = interface.lines().filter_map(|line| line.strip_prefix("pub use ")?.split("::").nth(1));
    let exported = exported.flat_map(|names| names.split(['{', '}', ',', ';', ' '])).filter(|name| !name.is_empty());
    let missing: Vec<&str> = exported.filter(|name| !named(name) && !beside.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// Whoever links it links no reader of YAML, and nothing else of this workspace.
#[test]
fn nothing_stands_below_but_serde() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("read");
    let (_, dependencies) = manifest.split_once("[dependencies]").expect("dependencies");
    let names: Vec<&str> = dependencies.lines().filter_map(|line| line.split_once('.').map(|(name, _)| name)).collect();
    assert_eq!(names, ["serde", "serde_json"]);
}
