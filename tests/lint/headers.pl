#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# includes.pl FILE...: each file that uses a name of libc includes the header that
# has it, and does not rely on a header of another library, which may bring it on
# one release and not on the next.  One line a fault; exit status 1 where there
# is one.
use strict;
use warnings;

my %names = (
    'stdio.h' => [qw(printf fprintf snprintf vsnprintf vfprintf fputs puts
        putc putchar fopen fclose fflush fread fwrite fgets getline perror
        rename remove FILE stdout stderr stdin fdopen ferror asprintf)],
    'stdlib.h' => [qw(malloc calloc realloc free getenv setenv unsetenv exit
        strtol strtoul strtoll strtoull qsort bsearch abort mkstemp mkdtemp
        clearenv reallocarray)],
    'string.h' => [qw(memcpy memmove memset memcmp memchr strlen strcmp strncmp
        strchr strrchr strstr strdup strndup strerror strspn strcspn strsep
        strlcpy strlcat strpbrk memmem)],
    'strings.h' => [qw(strcasecmp strncasecmp)],
    'unistd.h' => [qw(read write close unlink fork execv execve _exit getpid
        getppid setsid chdir getuid geteuid setgid setuid fsync usleep sleep
        ftruncate truncate dup2 pipe pipe2 isatty lseek pread pwrite unlinkat
        readlink rmdir symlink alarm)],
    'errno.h' => [qw(errno ENOENT EINTR EAGAIN EACCES EPERM ENOMEM EEXIST
        EINVAL ETIMEDOUT ENOTDIR ELOOP)],
    'fcntl.h' => [qw(open openat fcntl O_RDONLY O_WRONLY O_RDWR O_CREAT
        O_CLOEXEC O_NOFOLLOW O_NONBLOCK F_SETFL F_GETFL F_SETLK AT_FDCWD)],
    'sys/stat.h' => [qw(fstat lstat fstatat mkdir mkdirat chmod fchmod S_ISREG
        S_ISDIR S_ISLNK)],
    'sys/wait.h' => [qw(waitpid WIFEXITED WEXITSTATUS WIFSIGNALED WTERMSIG)],
    'signal.h' => [qw(kill sigaction sigprocmask sigemptyset SIGTERM SIGKILL
        SIGPIPE SIGCHLD SIGALRM SIGINT)],
    'time.h' => [qw(clock_gettime nanosleep gmtime_r strftime CLOCK_MONOTONIC
        localtime_r)],
    'poll.h' => [qw(poll POLLIN POLLOUT POLLHUP)],
    'dirent.h' => [qw(opendir fdopendir readdir closedir)],
    'ctype.h' => [qw(isalpha isdigit isalnum isspace tolower toupper isxdigit)],
    'stdarg.h' => [qw(va_start va_end va_list)],
    'stdbool.h' => [qw(bool true false)],
    'limits.h' => [qw(INT_MAX UINT_MAX LONG_MAX PATH_MAX CHAR_BIT)],
    'stdint.h' => [qw(uint8_t uint16_t uint32_t uint64_t int64_t int32_t
        UINT64_MAX INT64_MAX UINT32_MAX SIZE_MAX uintptr_t)],
    'sys/socket.h' => [qw(socket connect bind listen accept setsockopt
        getsockopt send recv AF_INET AF_INET6 AF_UNIX SOCK_STREAM)],
    'netinet/in.h' => [qw(sockaddr_in sockaddr_in6 INADDR_LOOPBACK
        IN6_IS_ADDR_LOOPBACK IPPROTO_TCP in6_addr)],
    'arpa/inet.h' => [qw(inet_pton inet_ntop htons htonl ntohs ntohl)],
    'syslog.h' => [qw(syslog openlog closelog LOG_ERR LOG_WARNING LOG_INFO)],
    'pwd.h' => [qw(getpwnam getpwuid getpwnam_r)],
    'grp.h' => [qw(getgrnam getgrgid setgroups initgroups)],
    'sys/resource.h' => [qw(getrlimit setrlimit RLIMIT_NOFILE RLIMIT_CORE
        getrusage)],
    'dlfcn.h' => [qw(dlopen dlsym dlerror dlclose)],
    'sys/queue.h' => [qw(TAILQ_FOREACH TAILQ_INSERT_TAIL LIST_FOREACH
        TAILQ_INIT)],
);
# What one header promises to bring: POSIX, or the language.
my %brings = ('inttypes.h' => ['stdint.h'], 'arpa/inet.h' => ['netinet/in.h'],
    'netinet/in.h' => ['stdint.h'], 'sys/mman.h' => [], 'netdb.h' =>
    ['netinet/in.h'], 'grp.h' => [], 'bsd/string.h' => ['string.h']);

# Names that a header of this tree has been asked to bring count: the file
# includes that header for them.
my %seen;

sub headers {
    my ($path) = @_;
    return $seen{$path} if $seen{$path};
    my %found;
    $seen{$path} = \%found;
    open(my $in, '<', $path) or return \%found;
    while (my $line = <$in>) {
        if ($line =~ /^\s*#\s*include\s*<([^>]+)>/) {
            $found{$1} = 1;
            $found{$_} = 1 for @{$brings{$1} // []};
        } elsif ($line =~ /^\s*#\s*include\s*"([^"]+)"/) {
            my ($own) = grep { -e } ("common/$1", $1);
            next unless $own;
            $found{$_} = 1 for keys %{headers($own)};
        }
    }
    return \%found;
}

my $bad = 0;
for my $path (@ARGV) {
    open(my $in, '<', $path) or die "$path: $!\n";
    my $text = join('', <$in>);
    $text =~ s{("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|/\*.*?\*/|//[^\n]*}
        {my $all = $&; defined $1 ? '""' : ($all =~ tr/\n//cdr)}gse;
    my $have = headers($path);
    for my $header (sort keys %names) {
        next if $have->{$header};
        for my $name (@{$names{$header}}) {
            # A member or a name of our own is no function of libc.
            my $call = $name =~ /^[a-z_0-9]+$/ &&
                $name !~ /^(?:errno|std|bool|true|false|va_list|.*_t$|sockaddr|in6)/;
            my $re = $call ? qr/(?<![\w.>"])\Q$name\E\s*\(/ : qr/\b\Q$name\E\b/;
            next unless $text =~ /$re/;
            my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
            print "$path:$line: $name without <$header>\n";
            $bad = 1;
            last;
        }
    }
}
exit $bad;
