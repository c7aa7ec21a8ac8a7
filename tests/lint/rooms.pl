#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# rooms.pl [DIRECTORY]: which folder may include which.  Each folder knows those
# listed beside it and nothing else, so that no two need each other.  One line a
# fault; exit status 1 where there is one.  docs/architecture.md has the picture.
use strict;
use warnings;

my $top = shift // '.';
chdir $top or die "$top: $!\n";

my %may = (
    'common/base' => [],
    'common/loop' => [qw(common/base)],
    'common/core' => [qw(common/base)],
    'common/store' => [qw(common/base common/core)],
    'common/client' => [qw(common/base common/core common/store)],
    'common/dns' => [qw(common/base common/core common/loop)],
    'common/fetcher' => [qw(common/base common/core common/loop common/dns)],
    'common/resolver' => [qw(common/base common/core common/store common/loop
        common/dns)],
    'common/report' => [qw(common/base common/core common/store)],
    'common/change' => [qw(common/base)],
    'common/publish' => [qw(common/base common/core)],
    'common/tool' => [qw(common/base common/core common/store common/client
        common/report common/change common/publish exim/check exim/enable
        opensmtpd/check opensmtpd/enable)],
    'exim' => [qw(common/base common/core common/store common/client)],
    'exim/check' => [qw(common/base common/store opensmtpd/check)],
    'exim/enable' => [qw(common/base common/change exim/check)],
    'opensmtpd' => [qw(common/base common/core common/store common/client)],
    'opensmtpd/filter' => [qw(common/base common/core common/store
        common/client opensmtpd)],
    'opensmtpd/table' => [qw(common/base common/core common/store
        common/client opensmtpd)],
    'opensmtpd/check' => [qw(common/base common/store)],
    'opensmtpd/enable' => [qw(common/base common/change opensmtpd/check)],
);
# Single headers beside that: both ends of the fetcher's pipe, and MX addresses,
# which cross it.
my %also = (
    'common/resolver' => [qw(common/fetcher/wire.h)],
    'common/tool' => [qw(common/fetcher/wire.h)],
);

my $bad = 0;

sub complain {
    print "$_[0]\n";
    $bad = 1;
}

sub folder { return $_[0] =~ m{^(.*)/[^/]+$} ? $1 : ''; }

# resolve FILE, NAME: the file of this tree that #include "NAME" means, or none.
sub resolve {
    my ($file, $name) = @_;
    my ($found) = grep { -e } (folder($file) . "/$name", "common/$name", $name);
    return $found;
}

my @files = sort grep { m{/} } map { glob "$_/*.[ch]" } keys %may;
@files or complain("$top: no source files found");
for my $dir (grep { -d } glob('common/* exim exim/* opensmtpd opensmtpd/*')) {
    my @sources = glob "$dir/*.[ch]";
    complain("$dir: not listed in $0") if @sources && !$may{$dir};
}
for my $file (@files) {
    my $room = folder($file);
    my %allowed = map { $_ => 1 } $room, @{$may{$room}};
    my %header = map { $_ => 1 } @{$also{$room} // []};
    open(my $in, '<', $file) or die "$file: $!\n";
    while (my $line = <$in>) {
        next unless $line =~ /^\s*#\s*include\s*"([^"]+)"/;
        my $name = $1;
        my $target = resolve($file, $name);
        if (!defined $target) {
            complain("$file:$.: $name is not in this tree");
        } elsif (!$allowed{folder($target)} && !$header{$target}) {
            complain("$file:$.: $room may not include " . folder($target));
        }
    }
}
exit $bad;
