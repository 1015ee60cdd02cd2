//! A host that was given a control group divides it: each plugin is in one of its own, with all that it starts.
#![expect(clippy::print_stderr, reason = "without control groups there is nothing to test, which is said")]

mod support;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::fs::{XattrFlags, setxattr};
use serde_json::{Value, json};
use support::Bench;
use support::host::{PATIENCE, ServedHost, bench, command, descendants_of, has_python, left_of, unconfined};

const STEP: Duration = Duration::from_millis(20);

/// Starts what outlives whoever started it, and takes memory in as many processes.
const PLUGIN: &str = "import os, time\n\n\nclass Plugin:\n    def run(self, payload, context):\n        \
    for _ in range(payload.get('daemons', 0)):\n            if os.fork() == 0:\n                os.setsid()\n                \
    if os.fork() == 0:\n                    held = b'x' * (payload.get('mebibytes', 0) << 20)\n                    \
    time.sleep(600)\n                os._exit(0)\n            os.wait()\n        \
    time.sleep(payload.get('seconds', 0))\n        return {}\n";

/// A control group that hosts are started in; removed in the end.
struct Given {
    place: PathBuf,
}

impl Given {
    /// Nothing, visibly, where this test may make none.
    fn make(name: &str, is_given: bool) -> Option<Self> {
        let made = Self::try_make(name, is_given).filter(|_| has_python());
        if made.is_none() {
            eprintln!("SKIPPED: no control group of version 2 can be made here, or there is no Python");
        }
        made
    }

    fn try_make(name: &str, is_given: bool) -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let mount =
            mounts.lines().find(|mount| mount.contains(" / /sys/fs/cgroup") && mount.contains(" - cgroup2 "))?;
        let above = Path::new(mount.split(' ').nth(4)?).join(own);
        // Of the first group alone: in any other one are processes, such as this.
        let _ = fs::write(above.join("cgroup.subtree_control"), "+memory +pids +cpu");
        let place = above.join(format!("aisoc-test-{}-{name}", std::process::id()));
        fs::create_dir(&place).ok()?;
        let given = Self { place };
        if is_given {
            setxattr(&given.place, "user.delegate", b"1", XattrFlags::empty()).ok()?;
        }
        Some(given)
    }

    /// That command, in it.
    fn within(&self, command: &mut Command) -> Command {
        let mut inside = Command::new("sh");
        inside.args(["-c", "echo 0 >\"$0\" && exec \"$@\""]).arg(self.place.join("cgroup.procs"));
        inside.arg(command.get_program()).args(command.get_args());
        if let Some(directory) = command.get_current_dir() {
            inside.current_dir(directory);
        }
        inside.env_clear().envs(std::env::vars_os());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside.process_group(0);
        inside
    }

    fn controllers(&self) -> String {
        fs::read_to_string(self.place.join("cgroup.controllers")).expect("read")
    }

    fn has(&self, controller: &str) -> bool {
        let has = self.controllers().split_whitespace().any(|given| given == controller);
        if !has {
            eprintln!("SKIPPED: control groups of version 2 have no {controller} on this machine");
        }
        has
    }

    /// The groups in it, by the ends of their names, and who is in each.
    fn groups(&self) -> Vec<(String, Vec<u32>)> {
        let entries = fs::read_dir(&self.place).expect("listed").flatten();
        let names =
            entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.file_name());
        let mut groups: Vec<_> = names
            .map(|name| {
                let name = name.to_str().expect("ours").to_owned();
                let inside = self.processes(&name);
                (name.rsplit_once('.').map_or(name.clone(), |(_, end)| end.to_owned()), inside)
            })
            .collect();
        groups.sort();
        groups
    }

    fn processes(&self, below: &str) -> Vec<u32> {
        let inside = fs::read_to_string(self.place.join(below).join("cgroup.procs")).unwrap_or_default();
        inside.lines().map(|line| line.parse().expect("a process")).collect()
    }

    fn names(&self) -> Vec<String> {
        self.groups().into_iter().map(|(name, _)| name).collect()
    }

    /// What a group's file says.
    fn said(&self, end: &str, file: &str) -> String {
        let entries = fs::read_dir(&self.place).expect("listed").flatten();
        let group =
            entries.map(|entry| entry.path()).find(|path| path.to_string_lossy().ends_with(end)).expect("there");
        fs::read_to_string(group.join(file)).unwrap_or_else(|why| panic!("{file}: {why}")).trim().to_owned()
    }

    /// As whoever gives groups does before it gives this one again.
    fn take_back(&self) {
        let _ = fs::write(self.place.join("cgroup.subtree_control"), "-memory -pids -cpu");
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        let _ = fs::write(self.place.join("cgroup.kill"), "1");
        for _ in 0..100 {
            for (group, _) in fs::read_dir(&self.place).into_iter().flatten().flatten().map(|entry| (entry.path(), ()))
            {
                let _ = fs::remove_dir(group);
            }
            if fs::remove_dir(&self.place).is_ok() {
                return;
            }
            thread::sleep(STEP);
        }
    }
}

fn with_plugins(names: &[&str]) -> Bench {
    let bench = bench();
    for name in names {
        bench.run(&["plugin", "new", name, "--type", "enricher"]).ok();
        bench.write(format!("{name}/plugin.py").as_str(), PLUGIN);
        bench.signed_version(name, "0.1.0", "release.key");
        fs::rename(bench.path(name), bench.path(&format!("plugins/{name}"))).expect("moved");
    }
    bench
}

#[track_caller]
fn wait_until(is_so: impl Fn() -> bool, said: impl Fn() -> String) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "not in time: {}", said());
        thread::sleep(STEP);
    }
}

#[test]
fn each_plugin_is_in_a_group_of_its_own_that_is_gone_with_it() {
    let Some(given) = Given::make("each", true) else { return };
    let bench = with_plugins(&["demo", "other"]);
    let host = ServedHost::ready(&mut given.within(&mut command(&bench, &[])));
    assert!(host.said().contains("Limited plugins by "), "{}", host.said());
    assert_eq!(given.names(), ["0", "1", "host"], "{}", host.said());
    let groups = given.groups();
    assert_eq!(groups[2].1, [host.id()], "the host has one for itself");
    assert!(given.processes("").is_empty(), "and what it was given is divided");
    let descendants = descendants_of(host.id());
    let plugins: Vec<u32> = groups[..2].iter().flat_map(|(_, inside)| inside.clone()).collect();
    assert!(groups[..2].iter().all(|(_, inside)| inside.len() >= 2), "a shim and a Python: {groups:?}");
    assert!(
        descendants.iter().all(|id| plugins.contains(id)) && plugins.len() == descendants.len(),
        "{descendants:?} {groups:?}"
    );
    assert_eq!(given.said(".0", "cgroup.max.descendants"), "0", "a plugin divides nothing");

    host.post("/api/v1/plugins/demo/reload", "").ok();
    host.wait_for(|_| given.names() == ["1", "2", "host"] || given.names() == ["0", "2", "host"]);
    host.delete("/api/v1/plugins/other");
    host.wait_for(|_| given.names() == ["2", "host"] || given.names() == ["host", "2"]);
    assert_eq!(host.terminate(), Some(0));
    assert_eq!(given.names(), <[&str; 0]>::default(), "nothing is left of it");
    let divided = fs::read_to_string(given.place.join("cgroup.subtree_control")).expect("read");
    assert_eq!(divided.trim(), "", "and it is as it was");
}

#[test]
fn what_a_plugin_started_ends_with_it_where_its_shim_was_killed() {
    let Some(given) = Given::make("killed", true) else { return };
    let bench = with_plugins(&["demo"]);
    let host = ServedHost::ready(&mut given.within(&mut unconfined(&bench, &[])));
    host.post_json("/api/v1/plugins/demo/run", &json!({ "payload": { "daemons": 3 } })).ok();
    let inside = given.groups()[0].1.clone();
    assert!(inside.len() >= 5, "a shim, a Python and what that started: {inside:?}");
    let shim = inside.iter().find(|id| descendants_of(**id).len() > 1).expect("whoever has started the others");
    assert!(Command::new("kill").args(["-KILL", &shim.to_string()]).status().expect("kill runs").success());
    host.delete("/api/v1/plugins/demo");
    host.wait_for(|_| !given.names().contains(&"0".to_owned()));
    host.wait_for(|_| left_of(&inside).iter().all(|id| is_a_zombie(*id)));
}

/// One that nobody has waited for, as nobody here is the first process of its system.
fn is_a_zombie(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z'))
}

#[test]
fn what_a_killed_host_has_left_the_next_one_removes_and_nothing_else() {
    let Some(given) = Given::make("next", true) else { return };
    let bench = with_plugins(&["demo"]);
    let first = ServedHost::ready(&mut given.within(&mut command(&bench, &[])));
    let number = first.id();
    let (names, plugin) = (given.names(), given.groups()[0].1.clone());
    assert_eq!(names, ["0", "host"]);
    first.kill();
    wait_until(|| left_of(&plugin).is_empty(), || format!("{plugin:?}"));
    given.take_back();
    for other in ["somebody", "aisoc-1-2", &format!("aisoc-{}-1.x", std::process::id())] {
        fs::create_dir(given.place.join(other)).expect("made");
    }
    let second = ServedHost::ready(&mut given.within(&mut command(&bench, &[])));
    let left: Vec<String> = fs::read_dir(&given.place)
        .expect("listed")
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.file_name().into_string().expect("ours"))
        .collect();
    assert!(left.iter().all(|name| !name.starts_with(&format!("aisoc-{number}-"))), "{left:?}");
    assert_eq!(left.len(), 3 + 2, "{left:?}");
    assert_eq!(second.terminate(), Some(0));
    assert_eq!(given.groups().len(), 3, "what is nobody's of ours is there");
}

#[test]
fn a_group_that_nobody_gave_is_left_alone_and_the_host_says_so() {
    let Some(given) = Given::make("nobody", false) else { return };
    let bench = with_plugins(&["demo"]);
    let mut host = command(&bench, &[]);
    // It refuses nothing that there is no group: what it limits, nothing confines.
    let said: Value =
        serde_json::from_str(&bench.run(&["doctor", "--json", "--plugins-dir", "plugins"]).stdout).expect("JSON");
    let group = &said["sandbox"]["control_group"];
    assert!(group["is_active"] == json!(false) && !group["detail"].as_str().expect("why").is_empty(), "{said}");
    assert_eq!(said["site_findings"].to_string().matches("control").count(), 0, "and nothing has to be mended: {said}");
    let layers = said["sandbox"]["layers"].as_array().expect("layers");
    if layers.iter().all(|layer| layer["is_active"] == json!(true)) {
        host.env("AISOC_SANDBOX", "require");
    }
    let host = ServedHost::ready(&mut given.within(&mut host));
    let said = "Limited plugins by their processes, as this process was given no control group to divide";
    assert!(host.said().contains(said), "{}", host.said());
    assert_eq!(host.plugin("demo")["state"], "enabled");
    assert_eq!(given.names(), <[&str; 0]>::default());
    assert!(given.processes("").contains(&host.id()), "it is where it was");
}

#[test]
fn a_group_with_others_in_it_is_not_divided() {
    let Some(given) = Given::make("others", true) else { return };
    if !given.has("memory") {
        return;
    }
    let mut other = given.within(Command::new("sleep").arg("600")).spawn().expect("starts");
    wait_until(|| !given.processes("").is_empty(), String::new);
    let bench = with_plugins(&["demo"]);
    let host = ServedHost::ready(&mut given.within(&mut command(&bench, &[])));
    assert!(host.said().contains("other processes are in `"), "{}", host.said());
    assert_eq!(given.names(), <[&str; 0]>::default());
    assert_eq!(host.plugin("demo")["state"], "enabled");
    other.kill().expect("killed");
    other.wait().expect("gone");
}

#[test]
fn all_that_a_plugin_starts_has_one_limit_of_memory_of_processes_and_a_share_of_the_processor() {
    let Some(given) = Given::make("limits", true) else { return };
    if !(given.has("memory") && given.has("pids") && given.has("cpu")) {
        return;
    }
    let bench = with_plugins(&["demo", "other"]);
    let host = ServedHost::ready(&mut given.within(&mut command(&bench, &[])));
    assert!(host.said().contains("Limited plugins by a control group each: memory, pids, cpu"), "{}", host.said());
    for (file, value) in
        [("memory.max", "1342177280"), ("memory.oom.group", "1"), ("pids.max", "66"), ("cpu.weight", "100")]
    {
        assert_eq!(given.said(".0", file), value, "{file}");
    }
    assert_eq!(given.said(".host", "cpu.weight"), "1000");
    // Each process of it is within its limits, all of them are not.
    let payload = json!({ "payload": { "daemons": 8, "mebibytes": 300, "seconds": 30 } });
    let came = host.post_json("/api/v1/plugins/demo/run", &payload);
    assert_ne!(came.status, 200, "{came:?}");
    host.wait_for(|host| host.said().contains("more memory than all of its processes may have together"));
    // It comes again, and nobody else was touched.
    host.wait_for(|host| host.plugin("demo")["state"] == "enabled");
    host.post_json("/api/v1/plugins/other/run", &json!({ "payload": {} })).ok();
    assert!(given.names().contains(&"1".to_owned()), "the other one is where it was: {:?}", given.names());
}
