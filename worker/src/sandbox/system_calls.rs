//! The system calls that are left to a plugin: those that Python makes of itself, by name, and no others.
//!
//! What stands in no list here is refused, whatever a later kernel gives it for: `io_uring`, keyrings, other processes'
//! memory, mounts, namespaces, programs in memory, and every socket but a pair that leads nowhere else. Another way to call
//! (32 bits, x32) ends the plugin, or finds none of these numbers.

use std::collections::BTreeMap;

use libc::{c_long, *};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

use super::layer::{Failed, Layer};

/// The processor whose numbers these are. Another way to call is another processor's.
#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: TargetArch = TargetArch::aarch64;
#[cfg(target_arch = "riscv64")]
const ARCH: TargetArch = TargetArch::riscv64;

/// Whatever their arguments are: what they reach is what is open, or what the other layers leave.
#[rustfmt::skip]
const ANY: &[c_long] = &[
    // What is open.
    SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_preadv2,
    SYS_pwritev2, SYS_close, SYS_close_range, SYS_lseek, SYS_fstat, SYS_flock, SYS_fsync, SYS_fdatasync,
    SYS_ftruncate, SYS_fallocate, SYS_fadvise64, SYS_getdents64, SYS_copy_file_range, SYS_sendfile, SYS_splice, SYS_dup,
    SYS_dup3, SYS_pipe2, SYS_fstatfs, SYS_fchdir, SYS_fgetxattr, SYS_flistxattr,
    // What has a name.
    SYS_openat, SYS_openat2, SYS_newfstatat, SYS_statx, SYS_statfs, SYS_truncate, SYS_getcwd, SYS_chdir, SYS_renameat,
    SYS_renameat2, SYS_mkdirat, SYS_unlinkat, SYS_linkat, SYS_symlinkat, SYS_readlinkat, SYS_faccessat,
    SYS_faccessat2, SYS_umask, SYS_getxattr, SYS_lgetxattr, SYS_listxattr, SYS_llistxattr,
    // Waiting. Not by `epoll`, with which Python does without: the kernel counts what is watched by the user of the system,
    // through all namespaces, and one plugin could leave its host and every other plugin none.
    SYS_ppoll, SYS_pselect6, SYS_eventfd2, SYS_timerfd_create, SYS_timerfd_settime, SYS_timerfd_gettime, SYS_signalfd4,
    // The other end of a pair.
    SYS_sendto, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg, SYS_shutdown, SYS_getsockname, SYS_getpeername,
    // Memory.
    SYS_mmap, SYS_mprotect, SYS_munmap, SYS_mremap, SYS_madvise, SYS_msync, SYS_mlock, SYS_munlock, SYS_brk,
    SYS_mincore, SYS_membarrier,
    // Signals.
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_rt_sigpending, SYS_rt_sigsuspend, SYS_rt_sigtimedwait,
    SYS_sigaltstack, SYS_kill, SYS_tkill, SYS_tgkill, SYS_restart_syscall,
    // Processes and threads. `clone` stands below, and `clone3` is told to be none. A program that is started is confined
    // like whoever starts it.
    SYS_clone3, SYS_execve, SYS_wait4, SYS_waitid, SYS_exit, SYS_exit_group, SYS_getpid, SYS_getppid, SYS_gettid,
    SYS_getpgid, SYS_setpgid, SYS_getsid, SYS_setsid, SYS_set_tid_address, SYS_set_robust_list, SYS_get_robust_list,
    SYS_futex, SYS_rseq, SYS_pidfd_open, SYS_sched_yield, SYS_sched_getaffinity,
    SYS_sched_getparam, SYS_sched_getscheduler, SYS_sched_get_priority_max, SYS_sched_get_priority_min, SYS_getpriority,
    // Who it is. To become another takes a capability, which whoever starts a plugin as nobody has until then.
    SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getgroups, SYS_getresuid, SYS_getresgid, SYS_setuid,
    SYS_setgid, SYS_setgroups,
    // Time, and what it takes.
    SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_getitimer,
    SYS_setitimer, SYS_timer_create, SYS_timer_settime, SYS_timer_gettime, SYS_timer_getoverrun, SYS_timer_delete,
    SYS_times, SYS_getrusage, SYS_getrlimit, SYS_setrlimit, SYS_uname, SYS_sysinfo, SYS_getrandom, SYS_getcpu,
];

/// The same under names that other processors never had.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const OF_THE_PROCESSOR: &[c_long] = &[
    SYS_open, SYS_creat, SYS_stat, SYS_lstat, SYS_access, SYS_rename, SYS_mkdir, SYS_rmdir, SYS_unlink, SYS_link,
    SYS_symlink, SYS_readlink, SYS_getdents, SYS_dup2, SYS_pipe,
    SYS_poll, SYS_select, SYS_eventfd, SYS_signalfd, SYS_fork, SYS_vfork, SYS_getpgrp,
    SYS_time, SYS_alarm, SYS_pause, SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const OF_THE_PROCESSOR: &[c_long] = &[];

/// Modes and times of files: left where nothing but a plugin's own has a name that could be written to. Landlock has no
/// right for them: without a view, whatever belongs to the same user could be opened to everybody, keys too.
#[cfg(target_arch = "x86_64")]
const OF_A_VIEW: &[c_long] =
    &[SYS_fchmod, SYS_fchmodat, SYS_utimensat, SYS_chmod, SYS_utime, SYS_utimes, SYS_futimesat];
#[cfg(not(target_arch = "x86_64"))]
const OF_A_VIEW: &[c_long] = &[SYS_fchmod, SYS_fchmodat, SYS_utimensat];

/// What `ioctl` may ask, of whatever is open: whether it is a terminal (TCGETS) and how wide (TIOCGWINSZ), how much there is
/// to read (FIONREAD), whether reading waits (FIONBIO), and whether what is started inherits it (FIOCLEX, FIONCLEX). By
/// number, as the type of the names differs between C libraries.
const IOCTLS: [u64; 6] = [0x5401, 0x5413, 0x541b, 0x5421, 0x5451, 0x5450];

/// What `fcntl` may ask: copies, flags, locks and sizes. Not to be told of what others do (`F_NOTIFY`, leases), and not who is
/// sent a signal for what happens (`F_SETOWN`).
const FCNTLS: [c_int; 15] = [
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_GETFD,
    F_SETFD,
    F_GETFL,
    F_SETFL,
    F_GETLK,
    F_SETLK,
    F_SETLKW,
    F_OFD_GETLK,
    F_OFD_SETLK,
    F_OFD_SETLKW,
    F_GETPIPE_SZ,
    F_GET_SEALS,
    F_ADD_SEALS,
];

/// Of `getsockopt`: a descriptor of whoever is at the other end.
const SO_PEERPIDFD: u64 = 77;

/// What a process may change of itself.
const PRCTLS: [c_int; 9] = [
    PR_SET_PDEATHSIG,
    PR_GET_PDEATHSIG,
    PR_SET_DUMPABLE,
    PR_GET_DUMPABLE,
    PR_SET_NAME,
    PR_GET_NAME,
    PR_SET_NO_NEW_PRIVS,
    PR_GET_NO_NEW_PRIVS,
    PR_SET_VMA,
];

/// Every kind of namespace. A child with none of them is a child like any other.
const NAMESPACES: c_int =
    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

/// Leaves this process, and all that it starts, these system calls. Every other one is refused.
pub(crate) fn filter(has_view: bool) -> Layer {
    let of_a_view = if has_view { OF_A_VIEW } else { &[] };
    let count = ANY.len() + OF_THE_PROCESSOR.len() + of_a_view.len() + SOME.len();
    let filtered = without_flags_in_memory().and_then(|()| allowed(of_a_view));
    Layer::of(filtered.map_err(Failed::to("filter system calls")).map(|()| format!("{count} system calls")))
}

/// Of one system call: any of them lets it through.
type Rules = fn() -> Result<Vec<SeccompRule>, seccompiler::BackendError>;
type Filtered = Result<(), Box<dyn std::error::Error>>;

/// How it is called, and which arguments it may have.
const SOME: [(c_long, Rules); 9] = [
    (SYS_clone, || Ok(vec![SeccompRule::new(vec![argument(0, SeccompCmpOp::MaskedEq(NAMESPACES as u64), 0)?])?])),
    (SYS_fcntl, || one_of(1, FCNTLS.map(|number| number as u64))),
    // Not who is at the other end, as something to hold on to.
    (SYS_getsockopt, || Ok(vec![SeccompRule::new(vec![argument(2, SeccompCmpOp::Ne, SO_PEERPIDFD)?])?])),
    (SYS_ioctl, || one_of(1, IOCTLS)),
    (SYS_prctl, || one_of(0, PRCTLS.map(|number| number as u64))),
    // Its own limits, processors and priority, and not those of others of the same user.
    (SYS_prlimit64, || one_of(0, [0])),
    (SYS_sched_setaffinity, || one_of(0, [0])),
    (SYS_setpriority, || {
        let own = [argument(0, SeccompCmpOp::Eq, PRIO_PROCESS as u64)?, argument(1, SeccompCmpOp::Eq, 0)?];
        Ok(vec![SeccompRule::new(own.to_vec())?])
    }),
    // A pair of streams, or of what keeps to its other end as they do: one of single messages can send them to others.
    (SYS_socketpair, || {
        let kind = || SeccompCmpOp::MaskedEq(!((SOCK_CLOEXEC | SOCK_NONBLOCK) as u64));
        let pair = |of| {
            SeccompRule::new(vec![argument(0, SeccompCmpOp::Eq, AF_UNIX as u64)?, argument(1, kind(), of as u64)?])
        };
        Ok(vec![pair(SOCK_STREAM)?, pair(SOCK_SEQPACKET)?])
    }),
];

fn argument(number: u8, compared: SeccompCmpOp, value: u64) -> Result<SeccompCondition, seccompiler::BackendError> {
    SeccompCondition::new(number, SeccompCmpArgLen::Dword, compared, value)
}

/// Any of these, as that argument.
fn one_of<const N: usize>(number: u8, values: [u64; N]) -> Result<Vec<SeccompRule>, seccompiler::BackendError> {
    let rule = |value| SeccompRule::new(vec![argument(number, SeccompCmpOp::Eq, value)?]);
    values.into_iter().map(rule).collect()
}

fn allowed(of_a_view: &[c_long]) -> Filtered {
    let any = ANY.iter().chain(OF_THE_PROCESSOR).chain(of_a_view).map(|number| Ok((*number, Vec::new())));
    let some = SOME.iter().map(|(number, rules)| Ok((*number, rules()?)));
    let rules = any.chain(some).collect::<Result<BTreeMap<_, _>, seccompiler::BackendError>>()?;
    apply(SeccompFilter::new(rules, SeccompAction::Errno(EPERM as u32), SeccompAction::Allow, ARCH)?)
}

/// `clone3` has its flags in memory, where no filter sees them. Whoever is told that there is none takes `clone`.
fn without_flags_in_memory() -> Filtered {
    let rules = BTreeMap::from([(SYS_clone3, Vec::new())]);
    apply(SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(ENOSYS as u32), ARCH)?)
}

fn apply(filter: SeccompFilter) -> Filtered {
    let program: BpfProgram = filter.try_into()?;
    Ok(apply_filter(&program)?)
}
