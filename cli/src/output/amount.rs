//! How far work is, in words: never wider than the terminal.

use std::time::Duration;

/// Below so many bytes in a second there is nothing to reckon with.
const STANDSTILL: f64 = 1.0;
/// Longer than this is a guess.
const LONGEST_SECONDS: f64 = 99.0 * 3600.0;
/// How wide the drawn part is at most, and at least: of a narrower one nobody sees that it moves.
const BAR: usize = 24;
const NARROWEST_BAR: usize = 8;
/// What stands around it.
const FRAME: usize = " []".len();

/// How far work is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amount {
    pub(super) done: u64,
    pub(super) total: u64,
    /// How fast it goes, where that is known.
    pub(super) per_second: Option<f64>,
    /// How many bytes are to come, which may be more than are not done.
    pub(super) left: u64,
    /// Whether everything was sent, and the registry has not answered.
    pub(super) awaits_registry: bool,
    /// Whether all of that is a number of plugins, and not of bytes.
    pub(super) counts_plugins: bool,
}

/// `     Pushing 34d5d291c146 40.0 of 300.0 MiB 4.0 MiB/s, 65 s left [===>    ]`, as much of it as fits in one line of the
/// terminal; without a name, of all of the work. Its last column stays free: some terminals go to the next line as soon as
/// it is written.
pub(super) fn line(verb: &str, name: Option<&str>, amount: &Amount, columns: usize) -> String {
    let (room, Amount { done, total, .. }) = (columns.saturating_sub(1), *amount);
    let name = name.map_or(String::new(), |name| format!(" {name}"));
    let pace = pace(amount).map_or(String::new(), |pace| format!(" {pace}"));
    let whole = |name: &str, pace: &str| format!("{verb:>12}{name} {}{pace}", part(amount));
    let choices = [whole(&name, &pace), whole("", &pace), whole("", "")];
    let few = format!("{verb} {} %", percent(done, total));
    let mut text = choices.into_iter().find(|text| text.len() <= room).unwrap_or(few);
    let left = room.saturating_sub(text.len() + FRAME).min(BAR);
    if left >= NARROWEST_BAR {
        text.push_str(&format!(" [{}]", drawn(done, total, left)));
    }
    text.truncate(room);
    text
}

/// `300.0 MiB in 65 s`
pub(super) fn size_and_time(size: u64, took: Option<Duration>) -> String {
    let size = in_unit(size as f64, unit(size as f64));
    match took.filter(|took| *took >= Duration::from_secs(1)) {
        Some(took) => format!("{size} in {}", duration(took.as_secs_f64())),
        None => size,
    }
}

/// `40.0 of 300.0 MiB, 4.0 MiB/s, 65 s left`
pub(super) fn said(amount: &Amount) -> String {
    let pace = pace(amount).map_or(String::new(), |pace| format!(", {pace}"));
    format!("{}{pace}", part(amount))
}

/// `4.0 MiB/s, 65 s left`; nothing while nothing moves.
fn pace(amount: &Amount) -> Option<String> {
    if amount.awaits_registry {
        return Some("waiting for the registry".to_owned());
    }
    let moves = |rate: &f64| rate.is_finite() && *rate >= STANDSTILL;
    let per_second = amount.per_second.filter(moves).filter(|_| amount.done < amount.total)?;
    let rate = in_unit(per_second, amount.unit(per_second));
    let left = amount.left as f64 / per_second;
    let left = if left < LONGEST_SECONDS { format!(", {} left", duration(left)) } else { String::new() };
    Some(format!("{rate}/s{left}"))
}

/// `40.0 of 300.0 MiB`, in the unit of the whole, so that the two can be compared.
fn part(amount: &Amount) -> String {
    let Amount { done, total, .. } = *amount;
    let unit = amount.unit(total as f64);
    let whole = in_unit(total as f64, unit);
    let number = in_unit(done as f64, unit);
    format!("{} of {whole}", number.split(' ').next().unwrap_or_default())
}

impl Amount {
    fn unit(&self, number: f64) -> (&'static str, f64) {
        if self.counts_plugins { ("plugins", 1.0) } else { unit(number) }
    }
}

/// A name and its number of bytes: the largest of which there is one.
fn unit(bytes: f64) -> (&'static str, f64) {
    let units = [("GiB", 1_073_741_824.0), ("MiB", 1_048_576.0), ("KiB", 1024.0)];
    units.into_iter().find(|(_, size)| bytes >= *size).unwrap_or(("B", 1.0))
}

fn in_unit(bytes: f64, (name, size): (&str, f64)) -> String {
    match size > 1.0 {
        true => format!("{:.1} {name}", bytes / size),
        false => format!("{bytes:.0} {name}"),
    }
}

fn duration(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}

fn percent(done: u64, total: u64) -> u64 {
    (u128::from(done) * 100).checked_div(u128::from(total)).map_or(0, |percent| percent.min(100) as u64)
}

fn drawn(done: u64, total: u64, width: usize) -> String {
    let full = usize::try_from(percent(done, total)).unwrap_or_default() * width / 100;
    let head = if full < width { ">" } else { "" };
    format!("{:<width$}", "=".repeat(full) + head)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn amount(done: u64, total: u64, per_second: f64) -> Amount {
        let left = total.saturating_sub(done);
        Amount { done, total, per_second: Some(per_second), left, awaits_registry: false, counts_plugins: false }
    }

    #[test]
    fn a_line_says_how_much_how_fast_and_how_long() {
        let whole = line("Pushing", None, &amount(40 * MIB, 300 * MIB, 4.0 * MIB as f64), 80);
        assert_eq!(whole, "     Pushing 40.0 of 300.0 MiB 4.0 MiB/s, 65 s left [===>                    ]");
        assert_eq!(
            line("Reading", None, &amount(300 * MIB, 300 * MIB, 1e6), 80),
            "     Reading 300.0 of 300.0 MiB [========================]"
        );
        let sent = Amount { awaits_registry: true, ..amount(300 * MIB, 300 * MIB, 1e6) };
        assert_eq!(
            line("Pushing", None, &sent, 90),
            "     Pushing 300.0 of 300.0 MiB waiting for the registry [========================]"
        );
        let said = |done, total, per_second| said(&amount(done, total, per_second));
        assert_eq!(said(40 * MIB, 300 * MIB, 4.0 * MIB as f64), "40.0 of 300.0 MiB, 4.0 MiB/s, 65 s left");
        let buffered = Amount { left: 300 * MIB, ..amount(40 * MIB, 300 * MIB, 4.0 * MIB as f64) };
        assert_eq!(super::said(&buffered), "40.0 of 300.0 MiB, 4.0 MiB/s, 75 s left");
        let early = Amount { per_second: None, ..amount(40 * MIB, 300 * MIB, 0.0) };
        assert_eq!(super::said(&early), "40.0 of 300.0 MiB");
        let plugins = Amount { counts_plugins: true, ..amount(2000, 10_000, 4000.0) };
        assert_eq!(super::said(&plugins), "2000 of 10000 plugins, 4000 plugins/s, 2 s left");
        assert_eq!(said(0, 300 * MIB, 0.0), "0.0 of 300.0 MiB", "nothing moves: nothing is foretold");
        assert_eq!(said(5, 10, 1.0), "5 of 10 B, 1 B/s, 5 s left");
        assert_eq!(said(1 << 30, 3 << 30, 1024.0 * 1024.0), "1.0 of 3.0 GiB, 1.0 MiB/s, 35 min left");
        assert_eq!(said(0, u64::MAX, 1.0), "0.0 of 17179869184.0 GiB, 1 B/s", "longer than anybody waits");
        for odd in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(said(1, 2, odd), "1 of 2 B");
        }
    }

    #[test]
    fn a_name_goes_before_the_pace_does_and_the_bar_before_both() {
        let at =
            |columns| line("Pushing", Some("34d5d291c146"), &amount(40 * MIB, 300 * MIB, 4.0 * MIB as f64), columns);
        assert_eq!(
            at(100),
            "     Pushing 34d5d291c146 40.0 of 300.0 MiB 4.0 MiB/s, 65 s left [===>                    ]"
        );
        assert_eq!(at(80), "     Pushing 34d5d291c146 40.0 of 300.0 MiB 4.0 MiB/s, 65 s left [=>          ]");
        assert_eq!(at(70), "     Pushing 34d5d291c146 40.0 of 300.0 MiB 4.0 MiB/s, 65 s left");
        assert_eq!(at(60), "     Pushing 40.0 of 300.0 MiB 4.0 MiB/s, 65 s left");
        assert_eq!(at(44), "     Pushing 40.0 of 300.0 MiB [=>        ]");
        assert_eq!(at(41), "     Pushing 40.0 of 300.0 MiB");
    }

    #[test]
    fn a_size_is_said_with_the_time_where_there_is_one_to_say() {
        assert_eq!(size_and_time(300 * MIB, Some(Duration::from_secs(65))), "300.0 MiB in 65 s");
        assert_eq!(size_and_time(3, Some(Duration::from_millis(999))), "3 B");
        assert_eq!(size_and_time(3, None), "3 B");
    }

    #[test]
    fn no_line_wraps_whatever_the_terminal() {
        for columns in 0..=200 {
            for (done, total) in [(0, 0), (0, 1), (1, 1), (40 * MIB, 300 * MIB), (u64::MAX, u64::MAX), (2, 1)] {
                for (verb, name, awaits_registry) in [
                    ("Pushing", None, false),
                    ("Pushing", Some("34d5d291c146"), true),
                    ("Fetching", Some("34d5d291c146"), false),
                    ("Unpacking", None, false),
                ] {
                    let amount = Amount { awaits_registry, ..amount(done, total, 123_456_789.0) };
                    let line = line(verb, name, &amount, columns);
                    assert!(line.is_ascii() && line.len() <= columns.saturating_sub(1), "{columns}: {line}");
                    assert!(columns < 20 || line.contains(verb), "{columns}: {line}");
                }
            }
        }
        assert_eq!(line("Pushing", None, &amount(40 * MIB, 300 * MIB, 1e6), 20), "Pushing 13 %");
    }
}
