/* SPDX-License-Identifier: ISC */
/*
 * seccomp: denies what the fetcher never calls, but an attacker would.  Not a
 * list of allowed calls: that depends on the C library, its version and the
 * machine, and a fetcher stopped by its own sandbox stops mail.
 */
#include "fetcher/sandbox.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__) && !defined(__ILP32__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARMEL__)
#define ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCH AUDIT_ARCH_S390X
#endif

#endif

#ifdef ARCH

#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

/* Calls that only some machines, or newer headers, have: no rule. */
#ifndef SYS_accept
#define SYS_accept (-1)
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 (-1)
#endif
#ifndef SYS_ipc
#define SYS_ipc (-1)
#endif
#ifndef SYS_open
#define SYS_open (-1)
#endif
#ifndef SYS_renameat
#define SYS_renameat (-1)
#endif
#ifndef SYS_setrlimit
#define SYS_setrlimit (-1)
#endif
#ifndef SYS_socketcall
#define SYS_socketcall (-1)
#endif

enum {
	RULES_MAX = 300,
	CALLS_END = 0x40000000, /* x86-64 has a second table from here */
	SOCKET_TYPE_MASK = 0xf,
	/* of socketcall(2) */
	CALL_SOCKET = 1,
	CALL_BIND = 2,
	CALL_LISTEN = 4,
	CALL_ACCEPT = 5,
	CALL_SOCKETPAIR = 8,
	CALL_SENDTO = 11,
	CALL_SENDMSG = 16,
	CALL_ACCEPT4 = 18,
	CALL_SENDMMSG = 20
};

static const int denied[] = {
    /* Children and other programs. */
    SYS_clone,
    SYS_execve,
    SYS_execveat,
    /* Other processes, and more rights for this one. */
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_kill,
    SYS_tkill,
    SYS_rt_sigqueueinfo,
    SYS_unshare,
    SYS_setns,
    SYS_personality,
    SYS_setrlimit,
    SYS_capset,
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setgroups,
    /* Listening sockets, and ways to pass something on. */
    SYS_bind,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_socketpair,
    SYS_memfd_create,
    SYS_shmget,
    SYS_shmat,
    SYS_msgget,
    SYS_semget,
    SYS_ipc,
    SYS_mq_open,
    /* Changes to files, and ways around paths. */
    SYS_truncate,
    SYS_unlinkat,
    SYS_renameat,
    SYS_renameat2,
    SYS_mkdirat,
    SYS_linkat,
    SYS_symlinkat,
    SYS_mknodat,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchmodat2,
    SYS_fchown,
    SYS_fchownat,
    SYS_utimensat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SYS_removexattr,
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    /* Parts of the kernel that attacks use. */
    SYS_bpf,
    SYS_perf_event_open,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_userfaultfd,
    SYS_io_setup,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_fanotify_init,
    SYS_inotify_init1,
    SYS_acct,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_quotactl,
    SYS_sethostname,
    SYS_setdomainname,
#ifdef SYS_fork
    /* Old calls, on machines that have them: children, changes to files. */
    SYS_fork,
    SYS_vfork,
    SYS_uselib,
    SYS_creat,
    SYS_unlink,
    SYS_rename,
    SYS_rmdir,
    SYS_mkdir,
    SYS_link,
    SYS_symlink,
    SYS_mknod,
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
    SYS_utimes,
#endif
#ifdef SYS_openat2
    /* Since Linux 5.1: children, other processes, ways around paths, io_uring.
     */
    SYS_clone3,
    SYS_pidfd_open,
    SYS_pidfd_send_signal,
    SYS_pidfd_getfd,
    SYS_openat2,
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsmount,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
#endif
};

/* The filter being built; `full` if it did not fit. */
struct program {
	struct sock_filter rule[RULES_MAX];
	unsigned short count;
	bool full;
};

static void
add(struct program *p, unsigned code, uint32_t k, unsigned yes, unsigned no)
{
	if (p->count == RULES_MAX) {
		p->full = true;
		return;
	}
	p->rule[p->count++] = (struct sock_filter){
	    (unsigned short)code, (unsigned char)yes, (unsigned char)no, k};
}

static void
load(struct program *p, size_t offset)
{
	add(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* The lower half of an argument; all that are checked are ints. */
static void
load_argument(struct program *p, unsigned which)
{
	size_t offset = offsetof(struct seccomp_data, args[0]) + 8 * which;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	offset += 4;
#endif
	load(p, offset);
}

static void
load_call(struct program *p)
{
	load(p, offsetof(struct seccomp_data, nr));
}

static void
deny(struct program *p)
{
	add(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
}

/* Denies the call if the loaded value is, or is not, `value`. */
static void
deny_if(struct program *p, uint32_t value, bool equal)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, value, equal ? 0 : 1, equal ? 1 : 0);
	deny(p);
}

/* Denies a call if its argument has one of these bits. */
static void
deny_bits(struct program *p, int call, unsigned which, uint32_t bits)
{
	if (call < 0)
		return;
	add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4);
	load_argument(p, which);
	add(p, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
	deny(p);
	load_call(p);
}

/* Allows only TCP over IPv4 and IPv6. */
static void
deny_sockets(struct program *p)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 12);
	load_argument(p, 0);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0);
	deny(p);
	load_argument(p, 1);
	add(p, BPF_ALU | BPF_AND | BPF_K, SOCKET_TYPE_MASK, 0, 0);
	deny_if(p, SOCK_STREAM, false);
	load_argument(p, 2);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0);
	deny_if(p, IPPROTO_TCP, false);
	load_call(p);
}

/*
 * The combined call of old machines, whose arguments are hidden.  So it may not
 * create sockets (sts_sandbox_socket does), nor send to an address.
 */
static void
deny_socketcall(struct program *p)
{
	static const uint32_t calls[] = {CALL_SOCKET, CALL_BIND, CALL_LISTEN,
	    CALL_ACCEPT, CALL_SOCKETPAIR, CALL_SENDTO, CALL_SENDMSG,
	    CALL_ACCEPT4, CALL_SENDMMSG};
	const unsigned count = sizeof(calls) / sizeof(calls[0]);

	if (SYS_socketcall < 0)
		return;
	add(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)SYS_socketcall, 0,
	    2 + 2 * count);
	load_argument(p, 0);
	for (unsigned i = 0; i < count; i++)
		deny_if(p, calls[i], true);
	load_call(p);
}

/* Only the limits of this process may be read. */
static void
deny_foreign_limits(struct program *p)
{
	add(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_prlimit64, 0, 4);
	load_argument(p, 0);
	deny_if(p, 0, false);
	load_call(p);
}

static void
build(struct program *p)
{
	const uint32_t writing = O_ACCMODE | O_CREAT | O_TRUNC;

	load(p, offsetof(struct seccomp_data, arch));
	deny_if(p, ARCH, false);
	load_call(p);
	add(p, BPF_JMP | BPF_JGE | BPF_K, CALLS_END, 0, 1);
	deny(p);
	deny_sockets(p);
	deny_socketcall(p);
	deny_foreign_limits(p);
	deny_bits(p, SYS_open, 1, writing);
	deny_bits(p, SYS_openat, 2, writing);
	/* These would be a connect(2) that Landlock does not see. */
	deny_bits(p, SYS_sendto, 3, MSG_FASTOPEN);
	deny_bits(p, SYS_sendmsg, 2, MSG_FASTOPEN);
	deny_bits(p, SYS_sendmmsg, 3, MSG_FASTOPEN);
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
		if (denied[i] >= 0)
			deny_if(p, (uint32_t)denied[i], true);
	}
	add(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

bool
sts_sandbox_seccomp(void)
{
	struct program p = {.count = 0};
	struct sock_fprog filter;

	build(&p);
	filter = (struct sock_fprog){.len = p.count, .filter = p.rule};
	return !p.full &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

#else

bool
sts_sandbox_seccomp(void)
{
	return false;
}

#endif
