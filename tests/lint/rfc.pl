#!/usr/bin/perl
# SPDX-License-Identifier: ISC
#
# rfc.pl [DIRECTORY]: docs/rfc.md against the tree, both ways.  Each clause names
# its code and its test, and both are there; each section that a source file
# cites has a clause.  One line a fault; exit status 1 where there is one.
use strict;
use warnings;

my $top = shift // '.';
chdir $top or die "$top: $!\n";
my $list = 'docs/rfc.md';
my ($bad, $waiting, $exempt, $met) = (0, 0, 0, 0);
my (%clause, %text);

sub complain {
    print "$_[0]\n";
    $bad = 1;
}

# content FILE: its text, or undef.
sub content {
    my ($file) = @_;
    return $text{$file} if exists $text{$file};
    my $in;
    return $text{$file} = undef if !-f $file || !open($in, '<', $file);
    local $/;
    return $text{$file} = <$in>;
}

# check_code WHERE, CELL: "FILE: WORDS", the words being a function or a table in C.
sub check_code {
    my ($where, $cell) = @_;
    my ($file, $name) = $cell =~ /^(\S+?): ?(.+)$/
        or return complain("$where: no code: \"$cell\"");
    my $source = content($file) // return complain("$where: $file is not there");
    my $there = $file =~ /\.c$/
        ? $source =~ /^\Q$name\E\(|^[^\t\n].*\b\Q$name\E\[\] = \{/m
        : index($source, $name) >= 0;
    complain("$where: $file has no $name") unless $there;
}

sub check_test {
    my ($where, $cell) = @_;
    my ($file, $words) = $cell =~ m{^(tests/\S+?): (.+)$}
        or return complain("$where: no test: \"$cell\"");
    my $source = content($file) // return complain("$where: $file is not there");
    complain("$where: $file does not say \"$words\"")
        unless index($source, $words) >= 0;
}

sub check_clause {
    my ($where, $level, $meaning, $code, $test) = @_;
    complain("$where: no meaning") if $meaning eq '';
    if ($code =~ /^not yet/) {
        $waiting++;
        print "rfc: not yet: $level $where: $meaning\n";
    } elsif ($code =~ /^exempt/) {
        $exempt++;
        complain("$where: exempt without a reason") if length($test) < 10;
    } else {
        $met++;
        check_code($where, $_) for $code eq '' ? '' : split /; /, $code;
        return if $level eq 'cited' && $test eq '';
        check_test($where, $_) for $test eq '' ? '' : split /; /, $test;
    }
}

my $table = content($list) // die "$list: $!\n";
my $number = 0;
for my $line (split /\n/, $table) {
    $number++;
    next unless $line =~ /^\| *[0-9]/;
    my @cell = map { s/^\s+|\s+$//gr } split /\|/, $line, -1;
    if (@cell != 7) {
        complain("$list:$number: not five cells");
        next;
    }
    my (undef, $section, $level, @rest) = @cell[0 .. 5];
    complain("$list:$number: no RFC and section: \"$section\"")
        unless $section =~ /^\d{4,5} \d+(\.\d+)*$/;
    complain("$list:$number: level \"$level\"")
        unless $level =~ /^(MUST|SHOULD|MAY|text|cited)$/;
    $clause{$section} = 1;
    check_clause("$list:$number: RFC $section", $level, @rest);
}
complain("$list: no clause is met") unless $met;

# Comments are broken anywhere, so the whole text is searched.
for my $file (glob('common/*/*.[ch] exim/*.[ch] exim/*/*.[ch] opensmtpd/*.[ch]'
        . ' opensmtpd/*/*.[ch]')) {
    my $source = content($file) // next;
    $source =~ s/\n\s*\*?\s*/ /g;
    while ($source =~ /RFC (\d{4,5}),? (\d+(?:\.\d+)*(?:(?:,| and|;) \d+\.\d+(?:\.\d+)*)*)/g) {
        my ($rfc, $sections) = ($1, $2);
        for my $section ($sections =~ /(\d+(?:\.\d+)*)/g) {
            complain("$file: cites RFC $rfc $section, of which $list has no "
                . 'clause') unless $clause{"$rfc $section"};
        }
    }
}
print "rfc: $met clauses with code and test, $exempt exempt, $waiting not yet\n";
exit $bad;
