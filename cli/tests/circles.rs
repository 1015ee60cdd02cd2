//! No circle of files: inside a crate, a file is understood from those that it names, and never needs one
//! that needs it back. Two files in a circle are one file that is hard to find.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use support::workspace;

/// The circles that stay: crate, its files, why. An entry whose circle is gone must go too.
const ALLOWED: &[(&str, &[&str], &str)] = &[];

/// Absolute path of a module in its crate, without the `crate` in front.
type ModulePath = Vec<String>;

/// What one file says about others.
#[derive(Default)]
struct Source {
    /// Where it is in the tree of modules.
    module: ModulePath,
    /// Names that `use` brings into it, with the paths as they are written.
    imports: BTreeMap<String, Vec<String>>,
    /// Modules of which it imports everything.
    globs: Vec<Vec<String>>,
    /// What it defines.
    items: BTreeSet<String>,
    /// Every path in its code, as it is written.
    paths: Vec<Vec<String>>,
}

/// The files of one crate, by their path below `src`.
struct Crate(BTreeMap<String, Source>);

impl Crate {
    fn read(src: &Path) -> Self {
        let has_library = src.join("lib.rs").exists();
        let read = |file: &std::path::PathBuf| {
            let name = file.strip_prefix(src).expect("below").display().to_string();
            let module = match name.as_str() {
                "lib.rs" => Vec::new(),
                "main.rs" if !has_library => Vec::new(),
                name => {
                    let path = name.strip_suffix(".rs").expect("Rust");
                    path.strip_suffix("/mod").unwrap_or(path).split('/').map(str::to_owned).collect()
                }
            };
            let text = fs::read_to_string(file).expect("a source");
            (name, Source::read(module, &text))
        };
        Self(workspace::rust_files(src).iter().map(read).collect())
    }

    fn file_of(&self, module: &[String]) -> Option<&str> {
        self.0.iter().find(|(_, source)| source.module == module).map(|(name, _)| name.as_str())
    }

    /// The file in which the thing of that path is defined, when it is one of this crate: looked up from
    /// `from`, through what modules import and hand on.
    fn resolve(&self, from: &Source, path: &[String], depth: usize) -> Option<&str> {
        let (first, mut rest) = path.split_first()?;
        if depth > 8 {
            return None; // Imports that name each other; the compiler refuses them.
        }
        let mut module = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.module.clone(),
            "super" => from.module[..from.module.len().checked_sub(1)?].to_vec(),
            _ => {
                let child = [from.module.clone(), vec![first.clone()]].concat();
                if self.file_of(&child).is_none() {
                    let import = from.imports.get(first).filter(|import| import[..] != path[..])?;
                    return self.resolve(from, &[&import[..], rest].concat(), depth + 1);
                }
                child
            }
        };
        while let Some((name, after)) = rest.split_first() {
            let child = match name.as_str() {
                "super" => module[..module.len().checked_sub(1)?].to_vec(),
                _ => [module.clone(), vec![name.clone()]].concat(),
            };
            if self.file_of(&child).is_none() {
                return self.defined_in(&module, name, after, depth);
            }
            (module, rest) = (child, after);
        }
        self.file_of(&module)
    }

    /// Where `name` comes from, which a module defines or hands on.
    fn defined_in(&self, module: &[String], name: &String, after: &[String], depth: usize) -> Option<&str> {
        let file = self.file_of(module)?;
        let source = &self.0[file];
        if source.items.contains(name) {
            return Some(file);
        }
        if let Some(import) = source.imports.get(name) {
            return self.resolve(source, &[&import[..], after].concat(), depth + 1);
        }
        let of_glob = |glob: &Vec<String>| {
            let target = self.resolve(source, glob, depth + 1)?;
            self.0[target].items.contains(name).then_some(target)
        };
        source.globs.iter().find_map(of_glob).or(Some(file))
    }

    /// File → the other files that its code names.
    fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let targets = |(name, source): (&'_ String, &Source)| -> BTreeSet<&str> {
            let written = source.paths.iter().chain(source.imports.values()).chain(&source.globs);
            let found: BTreeSet<&str> = written.filter_map(|path| self.resolve(source, path, 0)).collect();
            found.into_iter().filter(|target| target != name).collect()
        };
        self.0.iter().map(|entry| (entry.0.as_str(), targets(entry))).collect()
    }

    /// The strongly connected components of more than one file.
    fn circles(&self) -> Vec<Vec<String>> {
        let edges = self.edges();
        let reach: BTreeMap<&str, BTreeSet<&str>> = edges.keys().map(|file| (*file, reached(&edges, file))).collect();
        let circle_of = |file: &str| -> Vec<String> {
            let back = |other: &&&str| reach[**other].contains(file);
            reach[file].iter().filter(back).map(|other| (*other).to_owned()).collect()
        };
        let circles: BTreeSet<Vec<String>> = edges.keys().map(|file| circle_of(file)).collect();
        circles.into_iter().filter(|circle| circle.len() > 1).collect()
    }
}

/// Everything that can be reached from a file by one edge or more.
fn reached<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(file) = next.pop() {
        next.extend(edges[file].iter().filter(|target| seen.insert(**target)));
    }
    seen
}

impl Source {
    fn read(module: ModulePath, text: &str) -> Self {
        let mut source = Self { module, ..Self::default() };
        let tokens = without_tests(tokens(text));
        let (mut at, mut depth) = (0, 0);
        while at < tokens.len() {
            depth += i32::from(tokens[at] == "{") - i32::from(tokens[at] == "}");
            at = source.statement(&tokens, at, depth == 0);
        }
        source
    }

    /// Takes what begins at a token, and says where to go on. Only what is defined outside of blocks has a path.
    fn statement(&mut self, tokens: &[String], at: usize, outermost: bool) -> usize {
        const DEFINE: [&str; 8] = ["fn", "struct", "enum", "trait", "const", "static", "type", "macro_rules"];
        let word = tokens[at].as_str();
        match word {
            "use" => {
                let end = at + tokens[at..].iter().position(|token| token == ";").expect("a `use` ends");
                self.import(&[], &tokens[at + 1..end]);
                end
            }
            // Visibility names modules without using them.
            "pub" if tokens.get(at + 1).is_some_and(|token| token == "(") => {
                at + tokens[at..].iter().position(|token| token == ")").expect("it closes")
            }
            "mod" if tokens.get(at + 2).is_some_and(|token| token == "{") => {
                panic!("{}: the module `{}` deserves a file", self.module.join("::"), tokens[at + 1])
            }
            _ if outermost && DEFINE.contains(&word) => {
                let name = tokens[at + 1..].iter().find(|token| *token != "!").expect("a definition has a name");
                self.items.insert(name.clone());
                at + 1
            }
            _ if is_word(word) && tokens.get(at + 1).is_some_and(|token| token == "::") => {
                let mut path = vec![word.to_owned()];
                let mut end = at + 1;
                while tokens.get(end).is_some_and(|token| token == "::")
                    && tokens.get(end + 1).is_some_and(|token| is_word(token))
                {
                    path.push(tokens[end + 1].clone());
                    end += 2;
                }
                self.paths.push(path);
                end
            }
            _ => at + 1,
        }
    }

    /// One tree of a `use`, below a prefix.
    fn import(&mut self, prefix: &[String], tree: &[String]) {
        let words: Vec<String> = tree.iter().take_while(|token| is_word(token) || *token == "::").cloned().collect();
        let path: Vec<String> =
            words.iter().take_while(|word| *word != "as").filter(|word| *word != "::").cloned().collect();
        let mut path = [prefix, &path[..]].concat();
        match tree.get(words.len()).map(String::as_str) {
            Some("{") => branches(&tree[words.len() + 1..tree.len() - 1]).for_each(|branch| self.import(&path, branch)),
            Some("*") => self.globs.push(path),
            _ => {
                path.pop_if(|last| last == "self");
                let name = words.last().filter(|last| *last != "self").or(path.last()).cloned();
                self.imports.extend(name.map(|name| (name, path)));
            }
        }
    }
}

/// The trees between the braces of a `use`.
fn branches(tree: &[String]) -> impl Iterator<Item = &[String]> {
    let mut depth = 0;
    let split = move |token: &String| {
        depth += i32::from(token == "{") - i32::from(token == "}");
        depth == 0 && token == ","
    };
    tree.split(split).filter(|branch| !branch.is_empty())
}

/// The tokens without what only tests see.
fn without_tests(tokens: Vec<String>) -> Vec<String> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if tokens[at..].iter().take(MARK.len()).eq(MARK.iter()) {
            at = end_of_item(&tokens, at + MARK.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Behind the `;` or the block that ends an item.
fn end_of_item(tokens: &[String], from: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        depth += i32::from(token == "{") - i32::from(token == "}");
        if depth == 0 && (token == "}" || token == ";") {
            return at + 1;
        }
    }
    tokens.len()
}

/// The words and signs of a source, without comments and literals.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if literal(rest) > 0 => literal(rest),
            _ if rest.starts_with("::") => 2,
            _ if is_word_character(c) => rest.find(|c| !is_word_character(c)).unwrap_or(rest.len()),
            _ => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if is_word(token) || length == 1 && !c.is_whitespace() || token == "::" {
            tokens.push(token.to_owned());
        }
        rest = after;
    }
    tokens
}

/// The length of the string or character that begins here; 0 for anything else, a lifetime included.
fn literal(text: &str) -> usize {
    let body = text.trim_start_matches(['b', 'r']);
    let prefix = text.len() - body.len();
    if text[..prefix].contains('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let close = format!("\"{}", "#".repeat(hashes));
        let Some(open) = body[hashes..].strip_prefix('"') else { return 0 };
        return prefix + hashes + 1 + open.find(&close).expect("a raw string closes") + close.len();
    }
    match body.as_bytes().first() {
        Some(b'"') => prefix + quoted(body, '"'),
        Some(b'\'') if body[1..].starts_with('\\') || body.chars().nth(2) == Some('\'') => prefix + quoted(body, '\''),
        _ => 0,
    }
}

/// The length of what stands in quotes, with them.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|(_, c)| {
        let ends = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    end.expect("a literal closes").0 + 1
}

fn is_word(token: &str) -> bool {
    token.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
}

fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn no_crate_has_a_circle_of_files_that_is_not_listed() {
    let mut found = BTreeSet::new();
    let mut files = 0;
    for name in workspace::crates() {
        let krate = Crate::read(&workspace::root().join(&name).join("src"));
        files += krate.0.len();
        found.extend(krate.circles().into_iter().map(|circle| (name.clone(), circle)));
    }
    let listed: BTreeSet<(String, Vec<String>)> = ALLOWED
        .iter()
        .map(|(name, circle, _)| ((*name).to_owned(), circle.iter().map(|file| (*file).to_owned()).collect()))
        .collect();
    let shown = |circles: Vec<&(String, Vec<String>)>| -> String {
        circles.iter().map(|(name, circle)| format!("\n{name}/src: {}", circle.join(" ⇄ "))).collect()
    };
    assert!(found.is_subset(&listed), "circles of files:{}", shown(found.difference(&listed).collect()));
    assert!(listed.is_subset(&found), "listed, and gone:{}", shown(listed.difference(&found).collect()));
    assert!(ALLOWED.iter().all(|(.., reason)| !reason.is_empty()) && files > 100, "{files} files");
}

/// A crate in a temporary directory.
fn made(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let place = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = place.path().join(name);
        fs::create_dir_all(path.parent().expect("below")).expect("made");
        fs::write(path, text).expect("written");
    }
    Crate::read(place.path()).circles()
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let lib = ("lib.rs", "mod a;\nmod b;\npub use b::Back;\n");
    let a = ("a.rs", "use crate::b::{self, Other};\n");
    for b in [
        "use super::a::One;\npub struct Other;\n",
        "pub struct Other;\nfn f() { crate::a::one() }\n",
        "pub struct Other;\nuse crate::{a as alpha, a::One};\n",
        "pub struct Other(self::super::a::One);\n",
        "pub struct Other;\npub(crate) use crate::a::*;\n",
    ] {
        assert_eq!(made(&[lib, a, ("b.rs", b)]), [["a.rs", "b.rs"]], "{b}");
    }
}

#[test]
fn a_circle_is_found_through_what_a_door_hands_on() {
    let lib = ("lib.rs", "mod door;\nmod user;\npub use door::Inner as Outer;\n");
    let door = ("door/mod.rs", "mod inner;\nmod other;\npub use inner::Inner;\npub(crate) use other::help;\n");
    let other = ("door/other.rs", "pub fn help() { super::Inner::new() }\n");
    for inner in ["use super::help;\npub struct Inner;\n", "pub struct Inner;\nfn f() { crate::door::help() }\n"] {
        let circles = made(&[lib, door, other, ("door/inner.rs", inner), ("user.rs", "use crate::Outer;\n")]);
        assert_eq!(circles, [["door/inner.rs", "door/other.rs"]], "{inner}");
    }
    let inner = ("door/inner.rs", "pub struct Inner(crate::user::User);\n");
    let circles = made(&[lib, door, ("door/other.rs", ""), inner, ("user.rs", "pub struct User(crate::Outer);\n")]);
    assert_eq!(circles, [["door/inner.rs", "user.rs"]]);
}

#[test]
fn what_is_only_said_or_only_tested_is_no_edge() {
    let lib = ("lib.rs", "mod a;\nmod b;\n");
    let a = ("a.rs", "pub struct One;\nuse crate::b::Other;\n");
    for b in [
        "pub struct Other;\n// use crate::a::One;\n/// [`crate::a::One`]\nfn f() {}\n",
        "pub struct Other;\nconst A: &str = \"\\\" crate::a::One\";\nconst B: &str = r#\"\" crate::a\"#;\n",
        "pub struct Other;\n#[cfg(test)]\nmod tests {\n    use crate::a::One;\n}\n",
        "pub struct Other<'a>(&'a str);\npub(in crate::a) fn f() -> char { '\"' }\n",
        "use std::a::One;\npub struct Other;\n",
        "pub struct Other;\nimpl Other {\n    fn one() { Self::two() }\n}\n",
    ] {
        assert_eq!(made(&[lib, a, ("b.rs", b)]), [[""; 0]; 0], "{b}");
    }
}
