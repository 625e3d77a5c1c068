// In place of kwok's file of this name: how a port-forward ends.
//
// kwok's own waits for both ends, however long: a shard that closes or resets its end is never seen until the client goes
// too. Here it is as containerd and CRI-O do it: when one end is over the other has a second, and the first error is told.
package net

import (
	"context"
	"io"
	"time"
)

// Tunnel copies between two streams until one of them ends, and a second longer.
func Tunnel(ctx context.Context, c1, c2 io.ReadWriter, _, _ []byte) error {
	ended := make(chan error, 2)
	// Buffers of their own: one of the two may outlive this call, and the caller's are used again after it.
	go func() {
		_, err := io.Copy(c2, c1)
		ended <- err
	}()
	go func() {
		_, err := io.Copy(c1, c2)
		ended <- err
	}()
	var first error
	select {
	case <-ctx.Done():
		return ctx.Err()
	case first = <-ended:
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	case second := <-ended:
		if first == nil {
			first = second
		}
	}
	return first
}
