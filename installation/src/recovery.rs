//! Recovery: what a killed process has begun is finished, and what a failed one could not do is undone.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;

use crate::change::{Transaction, record_name};
use crate::floor;
use crate::floor_change;
use crate::layout::json_name;
use crate::pending::{PendingChange, Side};
use crate::previous;
use crate::recorded;
use crate::sealed;

impl Transaction {
    /// Finishes the change of `id` that a killed process has begun. Whether it was an uninstall that is
    /// done now.
    pub(crate) fn recover(&mut self, id: &PluginId) -> Result<bool> {
        let change = match PendingChange::read(&self.plugins.layout, id) {
            Ok(None) => return Ok(false),
            Ok(Some(change)) => change,
            // Nothing can be learnt from it. Records are notes: the tree in place is judged by itself.
            Err(fault) if fault.reason() == Reason::RecordInvalid => {
                return self.plugins.pending.unlink(&json_name(id)).map(|()| false);
            }
            Err(fault) => return Err(fault),
        };
        match change.side(&self.plugins.layout)? {
            Side::Before => self.restore(&change).map(|()| false),
            Side::After => {
                self.prepare(&change)?;
                self.staging.sync()?;
                self.plugins.sync()?;
                self.keep_floor(&change)?;
                self.write_down(&change)?;
                self.settle(&change)?;
                Ok(change.after.is_none())
            }
        }
    }

    /// An uninstall writes the floor down before it begins; one that an older version began did not, and the
    /// record that goes with it is the last to say what the plugin was signed for.
    fn keep_floor(&self, change: &PendingChange) -> Result<()> {
        let Some(before) = change.before.as_ref().filter(|_| change.after.is_none()) else { return Ok(()) };
        match floor::raised(&self.plugins.layout, before, self.plugins.at)? {
            Some(text) => floor_change::put(&self.plugins, &self.staging, &change.id, &text),
            None => Ok(()),
        }
    }

    /// Finishes a change that did not happen, and gives back why. When the rename happened and could not
    /// be undone, this says so; the note stays, readers go by it, and the next command finishes the
    /// change forward.
    pub(crate) fn take_back(&mut self, change: &PendingChange, fault: Fault) -> Fault {
        match change.side(&self.plugins.layout) {
            Ok(Side::Before) => {
                // What fails here is done by the next command, by the note.
                let _ = self.restore(change);
                fault
            }
            Ok(Side::After) => fault.although(format!("`{}` is {}", change.id, change.as_done())),
            // Nobody can tell now; the next command looks again.
            Err(_) => fault,
        }
    }

    /// The old tree is in place: so is its record, and what was to come goes.
    fn restore(&mut self, change: &PendingChange) -> Result<()> {
        let id = &change.id;
        let name = json_name(id);
        let found = sealed::understood(recorded::read_file(&self.plugins.layout, id))?;
        match &change.before {
            Some(before) if found.as_ref() != Some(before) => {
                self.staging.write(&record_name(id), &before.to_text()?)?;
                self.staging.sync()?;
                self.plugins.records.take(self.staging.held(), &record_name(id), &name)?;
            }
            // Nothing was there, or nothing that can be read: only what we have written is removed.
            None if found.is_some() && found == change.after => self.plugins.records.unlink(&name)?,
            _ => {}
        }
        if previous::read(&self.plugins.layout, id, change.slot)?.is_none() {
            let _ = self.discard_version(&change.slot.below(id));
        }
        self.remove_if_empty(id);
        self.plugins.pending.unlink(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Access;
    use crate::census::Census;
    use crate::change::Incoming;
    use crate::floor_change::FloorChange;
    use crate::layout::Layout;
    use crate::previous::next_slot;
    use crate::record::InstallRecord;
    use crate::staging::StagingDirectory;
    use aisoc_manifests::digest::{ArtifactDigest, TreeDigest};

    #[test]
    fn a_failure_after_a_change_that_cannot_be_undone_says_what_is_done() {
        let plugins = tempfile::tempdir().expect("a directory");
        let id: PluginId = "demo".parse().expect("an id");
        std::fs::create_dir(plugins.path().join("demo")).expect("made");
        let staging = StagingDirectory::create(plugins.path()).expect("a staging directory");
        let mut transaction = Transaction::begin(staging, &Access::default()).expect("begun");
        let slot = next_slot(&Layout::of(plugins.path()), &id).expect("a slot");
        let failed = || Fault::new(Reason::IoError, "cannot sync `plugins`");
        let change = PendingChange::new(id, None, None, slot, u64::MAX, None);
        std::fs::remove_dir(plugins.path().join("demo")).expect("it left");
        let fault = transaction.take_back(&change, failed());
        assert_eq!(fault.message(), "`demo` is uninstalled, but cannot sync `plugins`");
        assert_eq!(fault.reason(), Reason::IoError);
    }

    #[test]
    fn a_change_is_called_off_up_to_its_rename() {
        let plugins = tempfile::tempdir().expect("a directory");
        let id: PluginId = "demo".parse().expect("an id");
        std::fs::create_dir(plugins.path().join("demo")).expect("made");
        let access = Access::default();
        let staging = StagingDirectory::create(plugins.path()).expect("a staging directory");
        let mut transaction = Transaction::begin(staging, &access).expect("begun");
        let slot = next_slot(&Layout::of(plugins.path()), &id).expect("a slot");
        let floor = FloorChange::by_removing(&Layout::of(plugins.path()), &Census::default(), &id).expect("judged");
        let change = PendingChange::new(id, None, None, slot, inode_of(&plugins.path().join("demo")), None);
        access.cancellation.cancel();
        let fault = transaction.run(&change, Incoming::Nothing, &floor).expect_err("called off");
        assert_eq!(fault.reason(), Reason::Interrupted);
        assert!(plugins.path().join("demo").is_dir());
        for ours in ["pending", "versions"] {
            assert_eq!(std::fs::read_dir(plugins.path().join(".aisoc").join(ours)).expect("listed").count(), 0);
        }
    }

    #[test]
    fn an_uninstall_that_an_older_version_began_leaves_the_floor_of_its_record() {
        let plugins = tempfile::tempdir().expect("a directory");
        let id: PluginId = "demo".parse().expect("an id");
        let before = record(&id);
        let begin = || {
            Transaction::begin(
                StagingDirectory::create(plugins.path()).expect("a staging directory"),
                &Access::default(),
            )
        };
        begin().expect("our directories").end();
        let slot = next_slot(&Layout::of(plugins.path()), &id).expect("a slot");
        // The tree has left, and nothing else has happened.
        let change = PendingChange::new(id.clone(), Some(before), None, slot, u64::MAX, None);
        let text = sealed::to_text(&change).expect("a text");
        std::fs::write(plugins.path().join(".aisoc/pending/demo.json"), text).expect("written");
        begin().expect("healed").end();
        let floor = floor::coverage_floor(&Layout::of(plugins.path()), &Census::default(), &id).expect("read");
        assert_eq!(floor, Some(aisoc_signing::Coverage::Full));
    }

    fn record(id: &PluginId) -> InstallRecord {
        InstallRecord {
            schema_version: InstallRecord::SCHEMA_VERSION,
            id: id.clone(),
            version: "1.0.0".to_owned(),
            reference: "oci-archive:demo.tar".to_owned(),
            digest: ArtifactDigest::of(b"x"),
            index_digest: None,
            platform: None,
            tree_digest: TreeDigest::of(b"x"),
            canonical_digest: None,
            signature_status: "verified".to_owned(),
            signing_key_id: None,
            signers: Vec::new(),
            coverage: Some("full".to_owned()),
            installed_at: "2026-01-01T00:00:00Z".to_owned(),
            capabilities: None,
            rolled_back_at: None,
            rolled_back_from: None,
        }
    }

    #[test]
    fn what_was_answered_for_is_written_once_by_whoever_finishes_the_change() {
        let plugins = tempfile::tempdir().expect("a directory");
        let id: PluginId = "demo".parse().expect("an id");
        std::fs::create_dir(plugins.path().join("demo")).expect("made");
        let begin = || {
            let staging = StagingDirectory::create(plugins.path()).expect("a staging directory");
            Transaction::begin(staging, &Access::default()).expect("finished").end();
        };
        begin();
        let slot = next_slot(&Layout::of(plugins.path()), &id).expect("a slot");
        let line = "2026-05-24T14:32:00.000000+00:00\tinstall\tdemo\t1.0.0\t-\taccepted capabilities: facts.read";
        let exceptions = serde_json::json!({"lines": [line], "user": "uid 7", "host": "here", "run": null});
        let note = |inode| {
            let change = PendingChange::new(id.clone(), None, Some(record(&id)), slot, inode, None);
            let exceptions = serde_json::from_value(exceptions.clone()).expect("exceptions");
            let text = sealed::to_text(&change.answered_for(Some(exceptions))).expect("a text");
            std::fs::write(plugins.path().join(".aisoc/pending/demo.json"), text).expect("written");
        };
        let journal = || std::fs::read_to_string(plugins.path().join(".aisoc/plugins.journal")).unwrap_or_default();
        // The change was never made: nor was anything answered for.
        std::fs::rename(plugins.path().join("demo"), plugins.path().join("elsewhere")).expect("moved");
        note(u64::MAX);
        begin();
        assert_eq!(journal(), "");
        // It was made, and whoever had made it was killed before the line, and once more behind it.
        std::fs::rename(plugins.path().join("elsewhere"), plugins.path().join("demo")).expect("moved");
        for _ in 0..2 {
            note(inode_of(&plugins.path().join("demo")));
            begin();
            assert_eq!(journal(), format!("{line}\n"));
        }
        let chain = std::fs::read_to_string(plugins.path().join(".aisoc/plugins.journal.chain")).expect("a chain");
        assert!(chain.contains("uid 7"), "whoever finishes it has not answered for it: {chain}");
    }

    fn inode_of(path: &std::path::Path) -> u64 {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata(path).expect("there").ino()
    }
}
