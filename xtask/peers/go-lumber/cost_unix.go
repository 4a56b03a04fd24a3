//go:build unix

package main

import (
	"syscall"
	"time"
)

// cpuTime is what this process has used, the work of the system for it included.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
