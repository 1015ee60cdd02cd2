//! `aisoc plugin new`: a plugin's directory that validates, signs, packages and loads as it is.
//!
//! A directory is written beside its final place and renamed into it, so that it is there whole or
//! not at all, and nothing that exists is ever written to. The manifests stay inside the strict
//! YAML subset; the Python fits both contracts there are: a host that makes `Plugin()` without
//! arguments, and callers that pass a configuration.
#![expect(clippy::disallowed_methods, reason = "a new plugin is written into a private directory and renamed whole")]

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::text::shown;

use crate::clock;

mod kind;
mod template;

pub(crate) use kind::ScaffoldType;
use template::{Values, render, templates};

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The plugin's name, from which its id is made.
    pub(crate) name: &'a str,
    /// The kind of plugin.
    pub(crate) plugin_type: ScaffoldType,
    /// Where the plugin's directory is made; created when it does not exist.
    pub(crate) output_dir: &'a Path,
    /// The author, any text.
    pub(crate) author: &'a str,
}

/// What was made.
#[derive(Debug)]
pub(crate) struct Scaffold {
    /// The plugin's directory.
    pub(crate) directory: PathBuf,
    /// The plugin's id, which is the directory's name too.
    pub(crate) id: String,
    /// Its files with `/`, the manifest first and the README last.
    pub(crate) files: Vec<String>,
}

/// What [`create`] would make.
///
/// # Errors
/// As [`create`], as far as nothing has to be written to find out.
pub(crate) fn foresee(request: &Request<'_>) -> Result<Scaffold> {
    let id = slug(request.name)?;
    require_author(request.author)?;
    let directory = request.output_dir.join(&id);
    if directory.symlink_metadata().is_ok() {
        return Err(already_exists(&directory));
    }
    aisoc_files::may_write_in(request.output_dir)
        .map_err(|source| Fault::io("write to", request.output_dir, source))?;
    let files = templates(request.plugin_type).iter().map(|(path, _)| (*path).to_owned()).collect();
    Ok(Scaffold { directory, id, files })
}

/// Makes the plugin's directory. On any failure there is no directory and no part of one.
pub(crate) fn create(request: &Request<'_>) -> Result<Scaffold> {
    let Scaffold { directory, id, .. } = foresee(request)?;
    fs::create_dir_all(request.output_dir)
        .map_err(|source| Fault::io("create the directory", request.output_dir, source))?;
    // Only the outer directory is private: the plugin inside gets the modes that the umask gives.
    let staging = tempfile::Builder::new()
        .prefix(".aisoc-new-")
        .tempdir_in(request.output_dir)
        .map_err(|source| Fault::io("write to", request.output_dir, source))?;
    let staged = staging.path().join(&id);
    let files = write_files(request, &id, &staged)?;
    move_into_place(&staged, &directory)?;
    Ok(Scaffold { directory, id, files })
}

/// The id that a name gives: lower case, with `-` for blanks and `_`, and nothing else cleaned.
///
/// A name that gives no portable id is refused instead of repaired: whoever types `../x` should
/// learn about it, and nobody should get an id that was not typed. Only ASCII is lower-cased, since
/// U+212A, the Kelvin sign, would become a `k`.
fn slug(name: &str) -> Result<String> {
    let id = name.to_ascii_lowercase().replace([' ', '_'], "-");
    if id.parse::<PluginId>().is_ok_and(|id| id.is_portable()) {
        return Ok(id);
    }
    Err(Fault::new(Reason::Usage, format!("`{}` does not give a plugin id: {ID_RULE}", shown(name, 80)))
        .hint("choose a name of letters, digits, blanks, `-` and `_`, such as `My Plugin` for the id `my-plugin`"))
}

/// The longest author that the profiles take, in characters.
const MAX_AUTHOR_CHARACTERS: usize = 256;

/// What is made has to validate as it is.
fn require_author(author: &str) -> Result<()> {
    let length = author.chars().count();
    if !author.trim().is_empty() && length <= MAX_AUTHOR_CHARACTERS {
        return Ok(());
    }
    Err(Fault::new(Reason::Usage, "`--author` is no name that a manifest could hold")
        .expected(
            format!("1 to {MAX_AUTHOR_CHARACTERS} characters that are no blanks alone"),
            format!("{length} characters"),
        )
        .hint("write a name, such as `--author 'Ada <ada@example.com>'`, or leave the option out"))
}

fn write_files(request: &Request<'_>, id: &str, directory: &Path) -> Result<Vec<String>> {
    let values = Values {
        id,
        name: request.name,
        author: request.author,
        sample: request.plugin_type.sample_payload(),
        today: &civil_date(clock::now().into()),
    };
    let mut files = Vec::new();
    for (path, template) in templates(request.plugin_type) {
        let target = directory.join(path);
        let parent = target.parent().unwrap_or(directory);
        fs::create_dir_all(parent).map_err(|source| Fault::io("create the directory", parent, source))?;
        fs::write(&target, render(template, &values)).map_err(|source| Fault::io("write", &target, source))?;
        files.push((*path).to_owned());
    }
    Ok(files)
}

/// Renames the finished directory. Should something have appeared there meanwhile, the rename fails
/// by itself, unless it is an empty directory, of which nothing is lost.
fn move_into_place(staged: &Path, directory: &Path) -> Result<()> {
    fs::rename(staged, directory).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory => already_exists(directory),
        _ => Fault::io("create the directory", directory, source),
    })
}

fn already_exists(directory: &Path) -> Fault {
    Fault::new(Reason::AlreadyExists, format!("directory already exists: `{}`", directory.display()))
}

/// The day in UTC as YYYY-MM-DD, by the days-to-civil algorithm over eras of 400 years. A clock
/// before 1970 counts as 1970: the date is a default that the author edits.
fn civil_date(now: SystemTime) -> String {
    let days = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400) + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months are counted from March, so that a leap day is the last day of its year.
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

const ID_RULE: &str =
    "2 to 64 lower-case letters, digits, `-` and `_`, beginning with a letter or digit, and no device's name";

#[cfg(test)]
mod tests {
    use std::process::Command;

    use aisoc_manifests::plugin::{Document, ManifestFile, Profile, validate};

    use super::*;

    /// Characters that end a quoted text, a line or a template, or hide something.
    const HOSTILE: &str =
        "O'Brien \"quoted\" \\ back\\x41 {{name}} $HOME #c: - [\n\r\t\0\u{7f}\u{85}\u{2028}\u{feff}\u{202e}é–語😀";

    fn request<'a>(name: &'a str, plugin_type: ScaffoldType, output_dir: &'a Path) -> Request<'a> {
        Request { name, plugin_type, output_dir, author: "Ada <ada@example.com>" }
    }

    /// Every file of every type, rendered without a directory.
    fn rendered(author: &str) -> Vec<(ScaffoldType, &'static str, String)> {
        let mut files = Vec::new();
        for plugin_type in ScaffoldType::ALL {
            let values = Values { id: "my-plugin", name: "My Plugin", author, sample: "{}", today: "2026-01-31" };
            for (path, template) in templates(plugin_type) {
                files.push((plugin_type, *path, render(template, &values)));
            }
        }
        files
    }

    #[test]
    fn each_type_has_the_files_of_its_table() {
        let expected: [&[&str]; 5] = [
            &["plugin.yaml", "plugin.py", "README.md"],
            &["plugin.yaml", "connector.py", "plugin.py", "README.md"],
            &["plugin.yaml", "plugin.py", "README.md"],
            &["plugin.yaml", "rules/example.yaml", "plugin.py", "README.md"],
            &["plugin.yaml", "widget.py", "plugin.py", "README.md"],
        ];
        for (plugin_type, files) in ScaffoldType::ALL.into_iter().zip(expected) {
            let output = tempfile::tempdir().expect("temporary directory");
            let made = create(&request("My_Plugin 2", plugin_type, output.path())).expect("made");
            assert_eq!(made.id, "my-plugin-2");
            assert_eq!(made.directory, output.path().join("my-plugin-2"));
            assert_eq!(made.files, files);
            assert!(files.iter().all(|file| made.directory.join(file).is_file()));
            assert_eq!(fs::read_dir(output.path()).expect("readable").count(), 1, "nothing is left beside it");
        }
    }

    #[test]
    fn a_name_gives_one_portable_id() {
        for (name, id) in [("My Plugin", "my-plugin"), ("a_B", "a-b"), ("00", "00"), (&"x".repeat(64), &"x".repeat(64))]
        {
            assert_eq!(slug(name).expect(name), id);
        }
        let long = "x".repeat(65);
        for name in ["../x", "", "a", &long, "é", "a\nb", "ab\n", "a/b", "a.b", "-a", " ab", "a\tb", "\u{212a}ey"] {
            let fault = slug(name).expect_err(name);
            assert_eq!(fault.reason(), Reason::Usage, "{name:?}");
            assert!(fault.message().contains(ID_RULE) && !fault.message().contains('\n'), "{fault}");
        }
    }

    #[test]
    fn what_exists_is_refused_and_left_alone() {
        let output = tempfile::tempdir().expect("temporary directory");
        create(&request("ab", ScaffoldType::Widget, output.path())).expect("made");
        fs::write(output.path().join("file-here"), "mine").expect("written");
        for name in ["AB", "file here"] {
            let fault = create(&request(name, ScaffoldType::Enricher, output.path())).expect_err("exists");
            assert_eq!(fault.reason(), Reason::AlreadyExists);
        }
        assert!(output.path().join("ab/widget.py").exists());
        assert_eq!(fs::read_to_string(output.path().join("file-here")).expect("there"), "mine");
        assert_eq!(fs::read_dir(output.path()).expect("readable").count(), 2);
    }

    #[test]
    fn a_rename_never_replaces_what_appeared_meanwhile() {
        let output = tempfile::tempdir().expect("temporary directory");
        let (staged, directory) = (output.path().join("staged"), output.path().join("ab"));
        fs::create_dir(&staged).expect("made");
        for occupied in [true, false] {
            if occupied {
                fs::create_dir(&directory).expect("made");
                fs::write(directory.join("mine"), "").expect("written");
            } else {
                fs::remove_dir_all(&directory).expect("removed");
                fs::write(&directory, "mine").expect("written");
            }
            let fault = move_into_place(&staged, &directory).expect_err("occupied");
            assert_eq!(fault.reason(), Reason::AlreadyExists);
        }
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let output = tempfile::tempdir().expect("temporary directory");
        let file = output.path().join("file");
        fs::write(&file, "mine").expect("written");
        assert!(create(&request("ab", ScaffoldType::Widget, &file)).is_err());
        assert_eq!(fs::read_dir(output.path()).expect("readable").count(), 1);
    }

    #[test]
    fn every_placeholder_is_known() {
        for (plugin_type, path, text) in rendered("Ada") {
            assert!(!text.contains("{{") && !text.contains('\t') && text.ends_with('\n'), "{plugin_type}: {path}");
        }
    }

    #[test]
    fn an_author_that_no_manifest_could_hold_is_refused_before_anything_is_made() {
        let output = tempfile::tempdir().expect("a directory");
        let made = |name: &str, author: &str| {
            create(&Request { author, ..request(name, ScaffoldType::Enricher, output.path()) }).map(drop)
        };
        for author in ["", " ", "\t\u{a0}", &"ä".repeat(257)] {
            assert_eq!(made("ab", author).expect_err(author).reason(), Reason::Usage, "{author}");
        }
        assert!(!output.path().join("ab").exists());
        made("ab", &"ä".repeat(256)).expect("as long as it may be");
        made("abc", "x").expect("as short as it may be");
    }

    #[test]
    fn a_hostile_author_is_only_text() {
        for (plugin_type, path, text) in rendered(HOSTILE) {
            let Some(line) = text.lines().find(|line| line.starts_with("author: ")) else {
                assert!(!path.ends_with(".yaml"), "{plugin_type}: {path} names no author");
                continue;
            };
            // The escapes are those that JSON has too, so JSON tells what the line means.
            let author: String = serde_json::from_str(&line["author: ".len()..]).expect("quoted");
            assert_eq!(author, HOSTILE);
        }
    }

    #[test]
    fn manifests_mean_to_a_host_what_they_say() {
        const READ: &str = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.argv[1])))";
        for (plugin_type, path, text) in rendered(HOSTILE) {
            if !path.ends_with(".yaml") {
                continue;
            }
            let output = Command::new("python3").args(["-c", READ, &text]).output();
            let Some(output) = output.ok().filter(|output| output.status.success()) else {
                eprintln!("SKIPPED: there is no python3 with PyYAML");
                return;
            };
            let read: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert_eq!(read["author"], HOSTILE, "{plugin_type}: {path}");
            assert_eq!(read["version"], "0.1.0");
            if path == "plugin.yaml" {
                assert_eq!(read["id"], "my-plugin");
                assert_eq!(read["plugin_type"], plugin_type.as_str());
                assert_eq!(read["min_aisoc_version"], "4.0.0");
                assert!(read["config_schema"]["properties"].is_object());
            }
        }
    }

    #[test]
    fn manifests_pass_the_readers_of_every_type() {
        for plugin_type in ScaffoldType::ALL {
            let output = tempfile::tempdir().expect("temporary directory");
            // A slug that YAML would read as a boolean, and an author that tries to end the text.
            let made = create(&Request { author: HOSTILE, ..request("On", plugin_type, output.path()) }).expect("made");
            let manifest = fs::read(made.directory.join("plugin.yaml")).expect("read");
            let exists = |path: &str| made.directory.join(path).exists();
            for profile in [Profile::Strict, Profile::Cli, Profile::Manager] {
                let problems = validate(ManifestFile::Yaml, &manifest, &exists, profile);
                assert!(problems.is_empty(), "{plugin_type}: {problems:?}");
            }
            let document = Document::read(ManifestFile::Yaml, &manifest).expect("the host reads it");
            document.canonical().expect("can be signed");
        }
    }

    #[test]
    fn days_become_dates() {
        for (days, date) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_484, "2026-01-31"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(civil_date(UNIX_EPOCH + std::time::Duration::from_secs(days * 86_400 + 86_399)), date);
        }
    }
}
