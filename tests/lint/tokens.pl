#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# tokens.pl [DIRECTORY]: docs/troubleshooting.md has a row for each event and each
# reason that the programs log, and none for others.  Events are "event=NAME" in
# calls of the logger, reasons the tokens of common/base/status.h and "reason=NAME"
# in such calls.  One line a fault; exit status 1 where there is one.
use strict;
use warnings;

my $top = shift // '.';
chdir $top or die "$top: $!\n";

my $document = 'docs/troubleshooting.md';
my $bad = 0;

# Where an event's name, or its end, is computed: the file, what the names begin
# with, and how the file spells the rest.
my %computed = (
    'common/report/deliver_say.c' =>
        ['report-', qr/\[STS_DELIVER_[A-Z_]+\] = "([a-z-]+)"/],
    'opensmtpd/table/table_imsg.c' =>
        ['', qr/lookup \? "(relayhost)"|: "(check)", reply/],
);

sub complain {
    print "$_[0]\n";
    $bad = 1;
}

sub text_of {
    open(my $in, '<', $_[0]) or die "$_[0]: $!\n";
    local $/;
    return scalar <$in>;
}

my (%logged, %row);
for my $file (glob 'common/*/*.c exim/*.c exim/*/*.c opensmtpd/*.c opensmtpd/*/*.c') {
    my $text = text_of($file);
    while ($text =~ /"[^"\n]*\bevent=([a-z-]*)(%s)?/g) {
        my ($name, $rest) = ($1, $2);
        if (!defined $rest && $name =~ /[a-z]$/) {
            $logged{"event=$name"} = $file;
        } elsif (defined $rest && !$computed{$file}) {
            complain("$file: an event whose name is computed is not in $0");
        }
    }
    $logged{$1} = $file while $text =~ /"[^"\n]*\breason=([a-z_]+)/g;
    my ($begin, $rest) = @{$computed{$file} // next};
    while ($text =~ /$rest/g) {
        $logged{'event=' . $begin . ($1 // $2)} = $file;
    }
}
my $statuses = text_of('common/base/status.h');
$logged{$1} = 'common/base/status.h' while $statuses =~ /^\tX\(STS_\w+, "(\w+)"/mg;
complain('common/base/status.h: too few tokens') if keys %logged < 100;

for my $line (split /\n/, text_of($document)) {
    next unless $line =~ /^\| ((?:`[^`]+` ?)+)\|/;
    my @cell = $1 =~ /`([^`]+)`/g;
    for my $token (grep { /^(?:event=)?[a-z_-]+$/ } @cell) {
        complain("$document: two rows of `$token`") if $row{$token}++;
    }
}
for my $token (sort keys %logged) {
    complain("$logged{$token}: $token has no row in $document")
        unless $row{$token};
}
for my $token (sort keys %row) {
    complain("$document: nothing logs `$token`") unless $logged{$token};
}
exit $bad;
