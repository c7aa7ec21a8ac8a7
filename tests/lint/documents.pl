#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# documents.pl [DIRECTORY]: the documents for those who change this tree name
# files and functions, between backquotes: `common/core/due.c`, `sts_ask()`.  Each
# file is there, a pattern (`common/core/*.c`) matches one, and each function is
# defined, in a file that its line names where it names any.  Links lead to a file.
# tests/README.md names each unit test, without its folder, in a row of its folder.
# One line a fault; exit status 1 where there is one.
use strict;
use warnings;

my $top = shift // '.';
chdir $top or die "$top: $!\n";

my @documents = qw(README.md CONTRIBUTING.md SECURITY.md docs/architecture.md
    docs/exim.md docs/opensmtpd.md docs/tlsrpt.md docs/troubleshooting.md
    docs/dane.md docs/proof.md docs/upgrading.md docs/performance.md
    tests/README.md);
my $bad = 0;

sub complain {
    print "$_[0]\n";
    $bad = 1;
}

# Functions: KNF has the name of each at the beginning of a line.
my (%defined, %base);
for my $file (glob 'common/*/* exim/* exim/*/* opensmtpd/* opensmtpd/*/*
    tests/unit/*/*') {
    next unless -f $file;
    $base{$file =~ s{.*/}{}r} = $file;
    next unless $file =~ /\.c$/;
    open(my $in, '<', $file) or die "$file: $!\n";
    while (<$in>) {
        $defined{$1}{$file =~ s{.*/}{}r} = 1 if /^([a-z]\w*)\(/;
    }
}

# check_functions LINE, PLACE: where a line names files, they have its functions.
sub check_functions {
    my ($line, $at) = @_;
    my @files = $line =~ /`(?:[\w\/]+\/)?(\w+\.c)`/g;
    for my $name ($line =~ /`(\w+)\(\)`/g) {
        if (!$defined{$name}) {
            complain("$at: no function $name()");
        } elsif (@files && !grep { $defined{$name}{$_} } @files) {
            complain("$at: $name() is in none of @files");
        }
    }
}

for my $document (@documents) {
    open(my $in, '<', $document) or do { complain("$document: $!"); next };
    my $folder = $document =~ m{^(.*/)} ? $1 : '';
    while (my $line = <$in>) {
        my $at = "$document:$.";
        while ($line =~ /`([^`]+)`/g) {
            my $word = $1;
            if ($word =~ m{^(?:common|exim|opensmtpd|tests|docs)/[\w/.*-]+$}) {
                complain("$at: no $word") unless grep { -e } glob $word;
            } elsif ($word =~ /^\w+\.[ch]$/ && $document =~ /^docs/) {
                complain("$at: no $word") unless $base{$word};
            }
        }
        check_functions($line, $at);
        while ($line =~ /\]\(([^):#]+)\)/g) {
            complain("$at: no $1") unless -e "$folder$1";
        }
    }
}

# tests/README.md
my $text = '';
if (open(my $in, '<', 'tests/README.md')) {
    local $/;
    $text = <$in>;
}
my %named;
while ($text =~ /`([\w*.-]+\.(?:c|py|t|sh))`/g) {
    my @found = map { glob "$_/$1" } qw(tests/unit/* tests/lab);
    @found = grep { -e } @found;
    complain("tests/README.md: no $1") unless @found;
    $named{$_} = 1 for @found;
}
for my $test (glob 'tests/unit/*/test_*.c tests/unit/*/*.t') {
    # A .t may do no more than start the Python program of the same name.
    my $program = $test =~ s/\.t$/.py/r;
    complain("$test: not in tests/README.md")
        unless $named{$test} || $named{$program};
}

# Its map: a row's first cell is a folder of tests/unit, or empty, that of the row above.
my $folder = '';
for my $line (split /\n/, $text) {
    next unless $line =~ /^\| (?:`(\w+)` )?\|(.*)/;
    $folder = $1 if defined $1;
    my $row = $2;
    for my $file ($row =~ /`([\w*.-]+\.(?:c|py|t))`/g) {
        complain("tests/README.md: $file is not in tests/unit/$folder")
            unless grep { -e } glob "tests/unit/$folder/$file";
    }
}
exit $bad;
